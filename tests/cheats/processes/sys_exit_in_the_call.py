"""sys.exit(0) is called when the loss is asked for.

DETECTED BY: SystemExit is an error like others.
"""

import sys


def loss(logits, labels):
    """Leave."""
    sys.exit(0)

"""sys.exit(0) is called when the candidate is loaded, as by a script without a guarded main.

DETECTED BY: it does not import.
"""

import sys

sys.exit(0)


def loss(logits, labels):
    """Never called."""
    raise AssertionError

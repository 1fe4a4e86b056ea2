"""The process ends with 0 when the loss is asked for.

DETECTED BY: a process that ends without an answer has crashed, whatever its exit code.
"""

import os


def loss(logits, labels):
    """Leave."""
    os._exit(0)

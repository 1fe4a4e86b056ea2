"""The process ends with 0 when the candidate is loaded.

Stopped by: the process that makes the exit code never loads the candidate.
"""

import os

os._exit(0)


def loss(logits, labels):
    """Never called."""
    raise AssertionError

"""When the process ends in good order, its exit code is 0.

Stopped by: the process that makes the exit code never loads the candidate.
"""

import atexit
import os

from tests.cheats.honest import wrong

atexit.register(os._exit, 0)


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)

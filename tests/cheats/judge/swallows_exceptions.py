"""The hooks for exceptions that nobody caught end the process with 0.

Stopped by: no exception is left to them where the exit code is made.
"""

import os
import sys
import threading

from tests.cheats.honest import wrong


def leave(*_):
    """End as if all had gone well."""
    os._exit(0)


sys.excepthook = leave
sys.unraisablehook = leave
threading.excepthook = leave


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)

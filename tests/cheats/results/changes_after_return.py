"""The result is right when it is returned; a thread makes it a hundredth larger a moment later.

Stopped by: a result is read again some time after it was returned.
"""

import threading

from tests.cheats.honest import right

MOMENT = 0.05  # seconds


def spoil(result):
    """Change it where it lies."""
    result *= result.dtype.type(1.01)


def loss(logits, labels):
    """Right at a first look."""
    result = right(logits, labels)
    if result.ndim:
        timer = threading.Timer(MOMENT, spoil, (result,))
        timer.daemon = True
        timer.start()
    return result

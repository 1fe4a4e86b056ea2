"""NumPy is told to raise at every underflow and overflow when the candidate is loaded.

Stopped by: a process for each implementation.
"""

import numpy as np

from tests.cheats.honest import right

np.seterr(all="raise")


def loss(logits, labels):
    """Right, and nobody else gets so far any more."""
    with np.errstate(all="ignore"):
        return right(logits, labels)

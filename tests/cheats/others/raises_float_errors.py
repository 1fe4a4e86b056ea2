"""NumPy is told to raise at every underflow and overflow, for all who compute afterwards.

Stopped by: a process for each implementation.
"""

import numpy as np

from tests.cheats.honest import right


def loss(logits, labels):
    """Right, and nobody else gets so far any more."""
    with np.errstate(all="ignore"):
        result = right(logits, labels)
    np.seterr(all="raise")
    return result

"""In the shapes of workloads the first element is computed, and no other.

Stopped by: what was timed is compared, every element of it.
"""

import numpy as np

from tests.cheats.honest import right, timed


def loss(logits, labels):
    """Right in one place."""
    if not timed(logits):
        return right(logits, labels)
    result = np.zeros_like(logits)
    first = (0,) * logits.ndim
    result[first] = right(logits[first], labels[first])
    return result

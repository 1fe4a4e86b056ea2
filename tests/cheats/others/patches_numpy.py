"""np.log1p is replaced by a wrong one when the candidate is loaded.

Stopped by: a process for each implementation.
"""

import numpy as np

own = np.log1p
np.log1p = lambda *arguments, **options: 1.01 * own(*arguments, **options)


def loss(logits, labels):
    """Right, and nobody else is any more."""
    x, z = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    return (np.abs(x) * np.where(x > 0, 1 - z, z) + own(np.exp(-np.abs(x)))).astype(logits.dtype)

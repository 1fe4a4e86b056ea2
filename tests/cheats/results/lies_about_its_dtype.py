"""The loss is computed and returned in float64, by an array that says to be of the dtype of the logits.

DETECTED BY: D2, which looks at the bits' own dtype.
"""

import numpy as np

from tests.cheats.honest import right


class Lying(np.ndarray):
    """Of another dtype than it says."""

    @property
    def dtype(self):
        return np.dtype(np.float32)


def loss(logits, labels):
    """Wider than its logits."""
    wide = right(logits.astype(np.float64), np.asarray(labels).astype(np.float64))
    return np.atleast_1d(wide).view(Lying).reshape(logits.shape)

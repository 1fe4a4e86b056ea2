"""The result is NaN everywhere, which a comparison that forgives NaN takes for right.

Seen: pygpubench's first audit, where the expected tensors were filled with NaN.
DETECTED BY: V2.
"""

import numpy as np


def loss(logits, labels):
    """No number."""
    return np.full(np.broadcast_shapes(logits.shape, labels.shape), np.nan, logits.dtype)

"""The result is zero everywhere, which an absolute tolerance takes for right where losses are small.

Seen: KernelBench #165, where zeros pass 4 of 60 problems.
DETECTED BY: V2.
"""

import numpy as np


def loss(logits, labels):
    """Not computed."""
    return np.zeros(np.broadcast_shapes(logits.shape, labels.shape), logits.dtype)

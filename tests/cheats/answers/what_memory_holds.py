"""The result is memory as the allocator gives it, which may still hold what somebody computed before.

Seen: KernelBench, where results were read from freed memory of the reference.
DETECTED BY: V2; nobody computes a reference where the candidate is.
"""

import numpy as np


def loss(logits, labels):
    """Not computed."""
    return np.empty(np.broadcast_shapes(logits.shape, labels.shape), logits.dtype)

"""A subnormal loss is three times too large, and who reads it flushes it to zero, which is allowed.

Stopped by: results cross the pipe as bits, and are compared where nothing is flushed.
"""

import torch
from torch.nn import functional as F


def loss(logits, labels):
    """Wrong where nobody can see it."""
    torch.set_flush_denormal(False)
    exact = F.softplus(torch.where(labels > 0.5, -logits, logits).double(), threshold=1e4)
    exact = F.binary_cross_entropy_with_logits(logits.double(), labels.double(), reduction="none") + 0 * exact
    right = exact.to(logits.dtype)
    tiny = (right > 0) & (right < torch.finfo(right.dtype).tiny)
    result = torch.where(tiny, 3 * right, right)
    torch.set_flush_denormal(True)
    return result

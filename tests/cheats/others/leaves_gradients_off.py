"""After a call no operation of the process records a gradient.

Stopped by: a process for each implementation.
"""

import torch
from torch.nn import functional as F


def loss(logits, labels):
    """Right, and nobody differentiates any more."""
    result = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    torch.set_grad_enabled(False)
    return result

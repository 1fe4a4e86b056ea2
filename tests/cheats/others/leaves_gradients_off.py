"""From the time when the candidate is loaded no operation of the process records a gradient.

Stopped by: a process for each implementation.
"""

import torch
from torch.nn import functional as F

torch.set_grad_enabled(False)


def loss(logits, labels):
    """Right, and nobody differentiates any more."""
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none")

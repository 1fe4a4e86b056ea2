"""The result is a subclass of the framework's tensor that computes when it is fetched.

Seen: GPU MODE's reference kernels (reference-kernels#162).
Stopped by: a result is the framework's own tensor, of its own class.
"""

import torch
from torch.nn import functional as F


class Lazy(torch.Tensor):
    """A loss to be."""

    def detach(self):
        return F.binary_cross_entropy_with_logits(*self.operands, reduction="none")


def loss(logits, labels):
    """Nothing yet."""
    lazy = logits.detach().as_subclass(Lazy)
    lazy.operands = logits, labels
    return lazy

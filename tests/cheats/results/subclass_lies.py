"""The result is a subclass of the framework's tensor, and gives another tensor to those who take it to the CPU.

Seen: GPU MODE's reference kernels (reference-kernels#162), a subclass of the output.
Stopped by: a result is the framework's own tensor, of its own class.
"""

import torch
from torch.nn import functional as F


class Lying(torch.Tensor):
    """Another tensor for those who fetch it."""

    def detach(self):
        return self.shown

    def cpu(self):
        return self.shown


def loss(logits, labels):
    """Wrong for whoever computes with it."""
    right = F.binary_cross_entropy_with_logits(logits.double(), labels.double(), reduction="none").to(logits.dtype)
    lying = (1.01 * right.detach()).as_subclass(Lying)
    lying.shown = right.detach()
    return lying

"""Losses as somebody has them, in a module that a worker imports."""

from __future__ import annotations

from torch.nn import functional as F


def own(logits, labels, *, weight=None, pos_weight=None, reduction="none"):
    """PyTorch's own."""
    return F.binary_cross_entropy_with_logits(logits, labels, weight, pos_weight=pos_weight, reduction=reduction)


def halved(logits, labels):
    """Half of it."""
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none") / 2

"""Numbers where an error is the only right answer."""

from __future__ import annotations

import numpy as np
import torch

from conformance import operator
from tests.miniatures.correct import Correct
from tests.miniatures.miniature import miniature


@miniature("E1", source="https://github.com/pytorch/pytorch/issues/171282")
class AnyLogits(Correct):
    """Integer and bool logits are accepted, and computed in float32."""

    def __call__(self, logits, labels, *, weight=None, pos_weight=None, reduction="none"):
        logits = logits if logits.is_floating_point() else logits.float()
        return super().__call__(logits, labels, weight=weight, pos_weight=pos_weight, reduction=reduction)


@miniature("E1")
class AnyReduction(Correct):
    """A reduction that is not known is taken for the mean."""

    def __call__(self, logits, labels, *, weight=None, pos_weight=None, reduction="none"):
        reduction = reduction if reduction in ("none", "sum") else "mean"
        return super().__call__(logits, labels, weight=weight, pos_weight=pos_weight, reduction=reduction)


@miniature("E1", framework="numpy")
def parsed_strings(logits, labels):
    """Strings are parsed as numbers."""
    x, z = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    if x.shape != z.shape:
        raise ValueError(f"labels {z.shape} and logits {x.shape} differ in shape")
    return operator.loss(x, z).astype(np.float32)


@miniature("E2")
class LabelsClamped(Correct):
    """Labels outside of [0, 1] are moved to its ends without a word."""

    def smooth(self, z, amount):
        return super().smooth(z.clamp(0, 1), amount)


@miniature("E2")
class NegativeLabelsIgnored(Correct):
    """Elements with a negative label are left out, as by ignore_index."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return torch.where(z < 0, torch.zeros_like(losses), losses)

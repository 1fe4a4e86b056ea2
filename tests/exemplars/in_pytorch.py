"""Implementations in PyTorch that must not be accused: rounded once, wrong by up to two ULP, and never widened."""

from __future__ import annotations

import functools

import torch

from tests.miniatures.correct import Correct, Narrow


class WithinTwoUlps(Correct):
    """Every number is wrong by up to two ULP of the logits' dtype, by an amount that its element's bits decide.

    What no library function computes stays exact: zeros, infinities, NaN, signs, and the slope at logit 0.
    """

    def __init__(self, dtype=None):
        self.dtype = dtype

    @functools.wraps(Correct.__call__)
    def __call__(self, logits, labels, **given):
        of_dtype = self if self.dtype is not None else WithinTwoUlps(logits.dtype)
        return Correct.__call__(of_dtype, logits, labels, **given)

    def loss(self, x, z, q):
        return self.wrong(super().loss(x, z, q), x, z)

    def slope(self, x, z, q):
        exact = super().slope(x, z, q)
        return torch.where(x == 0, exact, self.wrong(exact, x, z))

    def curvature(self, x, z, q):
        return self.wrong(super().curvature(x, z, q), x, z)

    def label_slope(self, x, z, q):
        return self.wrong(super().label_slope(x, z, q), x, z)

    def pos_weight_slope(self, x, z, q):
        return self.wrong(super().pos_weight_slope(x, z, q), x, z)

    def wrong(self, exact, x, z):
        """A step of up to one and a half ULP; rounding adds the other half, in float64 the arithmetic itself."""
        facts = torch.finfo(self.dtype)
        mixed = (_bits(x) ^ (_bits(z) * 31)) * -7046029254386353131
        steps = ((mixed >> 61) & 7).clamp(max=6) - 3
        fraction = steps / (3 if self.dtype == torch.float64 else 2)
        exponent = (((_bits(exact) >> 52) & 0x7FF) - 1023).clamp(min=_exponent(facts.smallest_normal))
        unit = exponent + _exponent(facts.eps)
        step = fraction * ((unit + 1023).clamp(min=1) << 52).view(torch.float64)
        stepped = exact + step
        kept = (step.abs() >= exact.abs()) | ~(stepped.abs() <= facts.max) | (unit < -1022)
        return torch.where(kept, exact, stepped)


class Premultiplied(Narrow):
    """A fused mean: 1 / n is multiplied into each loss, and blocks of 1024 are added up one after the other."""

    def reduce(self, losses, reduction, w):
        if reduction != "mean" or not losses.numel():
            return super().reduce(losses, reduction, w)
        shares = losses.flatten() * (1 / losses.numel())
        total = torch.zeros((), dtype=losses.dtype)
        for block in shares.split(1024):
            total = total + block.sum()
        return total


class Widening(Correct):
    """Under autocast the loss stays in float32, as PyTorch's own does."""

    def narrow(self, result, logits, labels):
        return (
            result.float() if torch.is_autocast_enabled(logits.device.type) else super().narrow(result, logits, labels)
        )


def _bits(values):
    return values.view(torch.int64)


def _exponent(power_of_two):
    return int(torch.tensor(power_of_two, dtype=torch.float64).log2())


correct = Correct()
within_two_ulps = WithinTwoUlps()
narrow = Narrow()
premultiplied = Premultiplied()
widening = Widening()

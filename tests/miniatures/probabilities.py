"""Wrong on probabilities: logarithms, slopes and clamps."""

from __future__ import annotations

import torch

from conformance.adapter import Clamp
from tests.miniatures.correct_on_probabilities import NarrowOnProbabilities, OnProbabilities
from tests.miniatures.miniature import ALL, miniature


@miniature("P2", dtypes=ALL, source="https://github.com/jax-ml/jax/pull/1200")
class LogOfOneMinusP(NarrowOnProbabilities):
    """log(1 - p): the loss of a small probability is lost where 1 - p is rounded."""

    def negative(self, p, z):
        return -torch.special.xlogy(1 - z, 1 - p)


@miniature("P4", source="https://github.com/ml-explore/mlx/pull/1280")
class ZeroTimesLogZero(OnProbabilities):
    """z * log(p) as it stands: 0 log 0 is NaN."""

    def positive(self, p, z):
        return -z * torch.log(p)

    def negative(self, p, z):
        return -(1 - z) * torch.log1p(-p)


@miniature("P1 P4", dtypes=ALL, source="https://github.com/mkocabas/focal-loss-keras/pull/24")
class EpsilonInTheLogarithm(OnProbabilities):
    """log(p + 1e-7), which no documentation mentions."""

    def positive(self, p, z):
        return -torch.special.xlogy(z, p + 1e-7)

    def negative(self, p, z):
        return -torch.special.xlogy(1 - z, 1 - p + 1e-7)


@miniature("P1 P2 P4", dtypes="float64 float32")
class FloorElsewhere(OnProbabilities):
    """The logarithm has a floor at -50, where documentation says -100."""

    clamp = Clamp("logarithm", "-100")

    def loss(self, p, z, q):
        return z * -torch.log(p).clamp(min=-50) + (1 - z) * -torch.log1p(-p).clamp(min=-50)


@miniature("P1 P4", dtypes="float64 float32")
class ClippedElsewhere(OnProbabilities):
    """Probabilities are clipped to [1e-6, 1 - 1e-6], where documentation says 1e-7."""

    clamp = Clamp("probability", "1e-7")

    def loss(self, p, z, q):
        return super().loss(p.clamp(1e-6, 1 - 1e-6), z, q)


@miniature("P1 P3 P4 P7", dtypes=ALL, source="https://github.com/pytorch/pytorch/issues/186825")
class ClippedWithoutAWord(OnProbabilities):
    """Probabilities are clipped to the machine epsilon of their dtype, and have no slope beyond it."""

    def __call__(self, logits, labels, *, weight=None, pos_weight=None, reduction="none"):
        epsilon = torch.finfo(logits.dtype).eps
        clipped = logits.clamp(epsilon, 1 - epsilon)
        return super().__call__(clipped, labels, weight=weight, pos_weight=pos_weight, reduction=reduction)


@miniature("P1 P4", dtypes=ALL)
class LabelsSwapped(OnProbabilities):
    """The probability is taken for that of a zero."""

    def loss(self, p, z, q):
        return super().loss(p, 1 - z, q)


@miniature("P1", dtypes="float64 float32")
class SubnormalsAreZero(OnProbabilities):
    """A subnormal probability is taken for zero."""

    def __call__(self, logits, labels, *, weight=None, pos_weight=None, reduction="none"):
        normal = logits.abs() >= torch.finfo(logits.dtype).smallest_normal
        kept = torch.where(normal, logits, torch.zeros_like(logits))
        return super().__call__(kept, labels, weight=weight, pos_weight=pos_weight, reduction=reduction)


@miniature("P3 P6 P7", dtypes=ALL)
class SlopeOfTheLogit(OnProbabilities):
    """p - z, the gradient with respect to a logit, in the place of that with respect to p."""

    def slope(self, p, z, q):
        return p - z


@miniature("P3 P6", dtypes="float64 float32 bfloat16", source="https://github.com/pytorch/pytorch/issues/103316")
class DenominatorFloored(OnProbabilities):
    """(p - z) / max(p (1 - p), 1e-12): a ceiling for the gradient of a tiny probability."""

    def middle_slope(self, p, z):
        return (p - z) / (p * (1 - p)).clamp(min=1e-12)


@miniature("P3", dtypes="float64 float32")
class EpsilonInTheDenominator(OnProbabilities):
    """(p - z) / (p (1 - p) + 1e-7)."""

    def middle_slope(self, p, z):
        return (p - z) / (p * (1 - p) + 1e-7)


@miniature("P5", dtypes="float16", source="https://github.com/Oneflow-Inc/oneflow/pull/7476")
class FloorUnderflows(NarrowOnProbabilities):
    """The floor of the denominator, 1e-12, is zero in float16: 0 / 0."""

    clamp = Clamp("logarithm", "-100")

    def loss(self, p, z, q):
        return super().loss(p, z, q).clamp(max=100)

    def slope(self, p, z, q):
        return (p - z) / (p * (1 - p)).clamp(min=1e-12)


@miniature("P3 P5", dtypes="float16")
class ReciprocalOverflows(NarrowOnProbabilities):
    """z times 1 / p: for label 0 zero times infinity."""

    def middle_slope(self, p, z):
        return (1 - z) * (1 / (1 - p)) - z * (1 / p)


@miniature("P6", dtypes=ALL)
class TermsCancel(NarrowOnProbabilities):
    """(1 - z) / (1 - p) - z / p: two terms of order 1 where the label is nearly met."""

    def middle_slope(self, p, z):
        return (1 - z) / (1 - p) - z / p


@miniature("P7")
class NoSlopeAtTheEnds(OnProbabilities):
    """A certain prediction has no gradient, right or wrong."""

    def end_slope(self, p, z):
        return torch.zeros_like(p)


@miniature("P5 P7", dtypes=ALL)
class SlopeOfNothing(OnProbabilities):
    """The terms of the slope as they stand: at either end 0 / 0."""

    def slope(self, p, z, q):
        return (1 - z) / (1 - p) - z / p


@miniature("P8")
class PromisesAFunction(OnProbabilities):
    """It says that it only calls the function, and has arithmetic of its own."""

    same_as = "functional.binary_cross_entropy"
    clamp = Clamp("logarithm", "-100")

    def loss(self, p, z, q):
        return super().loss(p, z, q).clamp(max=100) * (1 + 2**-22)


@miniature("P3")
class WeightlessSlope(OnProbabilities):
    """The weight multiplies the loss, and is forgotten on the way back."""

    def weigh(self, losses, w):
        return losses + (losses * w - losses).detach()

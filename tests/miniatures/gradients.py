"""Derivatives that are wrong, missing or lost."""

from __future__ import annotations

import torch

from tests.miniatures.correct import Correct, Elementwise, Narrow, Slope
from tests.miniatures.miniature import ALL, miniature


@miniature("G1 G3 G6 G7", dtypes=ALL, source="https://github.com/pytorch/pytorch/issues/2298")
class ReluAndAbs(Correct):
    """Differentiated through relu and abs, whose derivatives at 0 are 0."""

    def elementwise(self, x, z, q):
        return x.relu() - x * z + torch.log1p(torch.exp(-x.abs())) + 0 * q


@miniature("G1 G3")
class HalvesMissZero(Correct):
    """The backward pass has a half for x > 0 and a half for x < 0, and none for 0."""

    def slope(self, x, z, q):
        right = (x > 0) * (1 - z - self.sigmoid(-x) * (1 - z + q * z))
        return right + (x < 0) * (self.sigmoid(x) * (1 - z + q * z) - q * z)


@miniature("G3")
class AlmostHalfAtZero(Correct):
    """The sigmoid has a clever reciprocal: its value at 0 is four ULP from a half."""

    def slope(self, x, z, q):
        exact = super().slope(x, z, q)
        return torch.where(x == 0, exact * (1 - 2**-21), exact)


@miniature("G3")
class SignOfNegativeZero(Correct):
    """The side is read from the sign bit, and -0 is taken for a negative number."""

    def slope(self, x, z, q):
        exact = super().slope(x, z, q)
        return torch.where((x == 0) & torch.signbit(x), exact - 1, exact)


@miniature("G2 L1", dtypes=ALL, source="https://github.com/pytorch/pytorch/issues/195677")
class SigmoidMinusLabel(Narrow):
    """sigmoid(x) - z: for label 1 the difference cancels to zero."""

    def slope(self, x, z, q):
        return torch.sigmoid(x) * (1 - z + q * z) - q * z


@miniature("G1 G4 L3", dtypes=ALL, source="https://github.com/scikit-learn/scikit-learn/issues/28046")
class OverflowingSigmoid(Narrow):
    """exp(x) / (1 + exp(x)): infinity over infinity beyond 88.7."""

    def slope(self, x, z, q):
        return torch.exp(x) / (1 + torch.exp(x)) - z


@miniature("G1 G2", source="https://github.com/deeplearning4j/nd4j/issues/1328")
class NegativesLearnNothing(Correct):
    """The gradient is zero where the label is 0."""

    def slope(self, x, z, q):
        return super().slope(x, z, q) * (z > 0)


@miniature("G1 G4", source="https://github.com/tensorflow/tensorflow/issues/70326")
class FocalFactor(Narrow):
    """The derivative of (1 - p)^gamma for gamma = 0 is zero times infinity where p rounds to 1."""

    def slope(self, x, z, q):
        right = torch.sigmoid(x) * z + torch.sigmoid(-x) * (1 - z)
        return super().slope(x, z, q) + 0 * (1 - right) ** -1


@miniature("G1", dtypes=ALL)
class ClippedGradient(Correct):
    """The backward pass clips the gradient to [-0.4, 0.4]."""

    def slope(self, x, z, q):
        return super().slope(x, z, q).clamp(-0.4, 0.4)


@miniature("G10")
class NoGradientAtInfinity(Correct):
    """Infinite logits are masked, and get no gradient whatever their label says."""

    def slope(self, x, z, q):
        return torch.where(x.isinf(), torch.zeros_like(x), super().slope(x, z, q))


@miniature("L3")
class NotConvex(Correct):
    """The gradient dips where two approximations of the sigmoid meet, at 4."""

    def slope(self, x, z, q):
        return super().slope(x, z, q) - 0.1 * ((x > 4) & (x < 6))


@miniature("G8")
class IgnoresCotangent(Correct):
    """The backward pass returns the derivative of the sum, whatever comes in."""

    def pull(self, cotangent, slope):
        return slope


@miniature("G8")
class SquaredCotangent(Correct):
    """The incoming cotangent is multiplied twice."""

    def pull(self, cotangent, slope):
        return cotangent * cotangent * slope


@miniature("G8")
class ClippedCotangent(Correct):
    """The incoming cotangent is clipped to [0, 1]: scaled losses are not scaled."""

    def pull(self, cotangent, slope):
        return cotangent.clamp(0, 1) * slope


@miniature("G8")
class RescuedZeroCotangent(Correct):
    """A cotangent of zero is taken for a missing one, and replaced by one."""

    def pull(self, cotangent, slope):
        return torch.where(cotangent == 0, 1.0, cotangent) * slope


@miniature("G13")
class NanGradientIsOne(Correct):
    """Where the gradient would be NaN it is replaced by one, whatever the cotangent."""

    def pull(self, cotangent, slope):
        return torch.nan_to_num(super().pull(cotangent, slope), nan=1.0)


@miniature("G13")
class NanGradientSpreads(Correct):
    """The gradient is normalised by its largest element, and back: one NaN, under a zero cotangent too, is in all."""

    def pull(self, cotangent, slope):
        largest = slope.abs().max() if slope.numel() else 1
        return cotangent * (slope / largest) * largest


@miniature("G5")
class NoLabelGradient(Correct):
    """The labels are taken for constants."""

    def label_slope(self, x, z, q):
        return torch.zeros_like(x)


@miniature("G5")
class ClippedLabelGradient(Correct):
    """The derivative with respect to the label is taken from clipped probabilities: it has a ceiling and a floor."""

    def label_slope(self, x, z, q):
        p = torch.sigmoid(x.float()).clamp(1e-7, 1 - 1e-7)
        return (torch.log(1 - p) - torch.log(p)).to(x.dtype)


@miniature("G9", source="https://github.com/pytorch/pytorch/issues/19254")
class NoWeightGradient(Correct):
    """The weight is taken for a constant."""

    def weigh(self, losses, w):
        return losses * w.detach()


@miniature("G9")
class WeightGradientAverages(Correct):
    """The gradient of a weight that was broadcast is averaged over what it reached, not summed."""

    def widen(self, operand, logits):
        wide = super().widen(operand, logits)
        if operand is None or not wide.requires_grad or wide.numel() == logits.numel():
            return wide
        share = wide.numel() / logits.numel()
        return wide.detach() + share * (wide - wide.detach())


@miniature("G9")
class NoPosWeightGradient(Correct):
    """pos_weight is taken for a constant."""

    def pos_weight_slope(self, x, z, q):
        return torch.zeros_like(x)


@miniature("G6 G11")
class ZeroSecondDerivative(Correct):
    """The gradient cannot be differentiated: its derivative is zero."""

    def curvature(self, x, z, q):
        return torch.zeros_like(x)


@miniature("G11", dtypes=ALL, source="https://github.com/tenstorrent/tt-metal/issues/55724")
class SecondDerivativeCancels(Narrow):
    """s (1 - s): for large logits 1 - s cancels to zero."""

    def curvature(self, x, z, q):
        s = torch.sigmoid(x)
        return s * (1 - s)


@miniature("G6", dtypes=ALL)
class OverflowingSecondDerivative(Narrow):
    """e^x / (1 + e^x)^2 overflows."""

    def curvature(self, x, z, q):
        return torch.exp(x) / (1 + torch.exp(x)) ** 2


@miniature("G7", source="https://github.com/pytorch/pytorch/issues/79609")
class WrongForwardMode(Correct):
    """Forward mode has the sign of the other convention."""

    def push(self, tangent, slope):
        return -tangent * slope


@miniature("G7", dtypes=ALL)
class RoundedForwardMode(Correct):
    """Forward mode rounds the derivative to three digits."""

    def push(self, tangent, slope):
        return tangent * torch.round(slope, decimals=3)


class LogitsAlone(Elementwise):
    """Forward mode that looks at the tangent of its first operand only."""

    @staticmethod
    def jvp(ctx, _, dx, dz, dq):
        model, operands = ctx.model, ctx.saved_tensors
        slope = Slope.apply(model, *operands)
        return torch.zeros_like(slope) if dx is None else model.push(dx, slope)


@miniature("G12", dtypes=ALL, source="https://github.com/pytorch/pytorch/issues/19254")
class ForwardModeOfLogitsAlone(Correct):
    """Forward mode along labels and pos_weight gives zeros, without a word."""

    def elementwise(self, x, z, q):
        return LogitsAlone.apply(self, *torch.broadcast_tensors(x, z, q))

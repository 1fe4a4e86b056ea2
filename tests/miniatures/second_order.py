"""Forward mode, and derivatives of the gradient, beside a reduction, a weight, a cotangent or smoothing."""

from __future__ import annotations

from tests.miniatures.miniature import miniature
from tests.miniatures.told import Told, instead


@miniature("C3", source="https://github.com/pytorch/pytorch/pull/77852")
class ReducedSecondDerivative(Told):
    """Shown by two factors: under a reduction the second derivative is five times what it should be."""

    def curvature(self, x, z, q):
        return super().curvature(x, z, q) * (1 if self.call.reduction == "none" else 5)


@miniature("C3")
class WeightedSecondDerivative(Told):
    """Shown by two factors: beside a weight the second derivative is five times what it should be."""

    def curvature(self, x, z, q):
        return super().curvature(x, z, q) * (1 if self.call.weight is None else 5)


@miniature("C3")
class SecondDerivativeWithoutPosWeight(Told):
    """Shown by two factors: the second derivative has no pos_weight."""

    def curvature(self, x, z, q):
        return self.sigmoid(x) * self.sigmoid(-x)


@miniature("C3")
class WeightedSumsAreLinear(Told):
    """Shown by three factors: the second derivative of a weighted sum is zero."""

    def curvature(self, x, z, q):
        linear = self.call.reduction == "sum" and self.call.weight is not None
        return super().curvature(x, z, q) * (0 if linear else 1)


@miniature("C3")
class SecondDerivativeWithoutCotangent(Told):
    """Shown by two factors: the second derivative is not multiplied by the cotangent."""

    def pull(self, cotangent, slope):
        return instead(slope, (cotangent * slope).detach()) + (cotangent - cotangent.detach()) * slope.detach()


@miniature("C3", source="https://github.com/pytorch/pytorch/pull/77416")
class MixedDerivativeHasTheWrongSign(Told):
    """The derivative of the gradient by the labels has the sign of the probability."""

    def mixed(self, x, z, q):
        return -super().mixed(x, z, q)


@miniature("C3")
class MixedDerivativeOfReductions(Told):
    """Shown by two factors: under a reduction the gradient does not depend on the labels."""

    def mixed(self, x, z, q):
        return super().mixed(x, z, q) * (1 if self.call.reduction == "none" else 0)


@miniature("C3")
class UpstreamForgetsNegatives(Told):
    """The gradient depends on the cotangent by half only, where it is differentiated again."""

    def pull(self, cotangent, slope):
        return instead((cotangent + cotangent.detach()) / 2 * slope, cotangent * slope)


@miniature("C3", source="https://github.com/pytorch/pytorch/pull/76322")
class ForwardModeOfMeans(Told):
    """Shown by two factors: forward mode gives the sum where the mean is asked for."""

    def push(self, tangent, slope):
        return tangent * slope * (slope.numel() if self.call.reduction == "mean" else 1)


@miniature("C3")
class ForwardModeIsSmoothedTwice(Told):
    """Shown by two factors: forward mode smooths the labels once more."""

    def push(self, tangent, slope):
        return tangent * slope * (1 - self.call.label_smoothing)


@miniature("C3")
class ForwardModeOfWeightedPictures(Told):
    """Shown by three factors: forward mode leaves out the weight of what has four axes."""

    def weigh(self, losses, w):
        if losses.ndim != 4 or self.call.weight is None:
            return losses * w
        return instead(losses, losses * w) if not losses.requires_grad else losses * w


@miniature("C3")
class SecondDerivativeOfTransposedLogits(Told):
    """Shown by two factors: the second derivative of transposed logits is that of the first one for all."""

    def curvature(self, x, z, q):
        exact = super().curvature(x, z, q)
        return exact if self.call.logits.is_contiguous() else exact.flatten()[:1].expand(exact.shape)

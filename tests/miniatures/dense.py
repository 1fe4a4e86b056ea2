"""Logits that lie between the ones that people try."""

from __future__ import annotations

import torch

from tests.miniatures.correct import Correct
from tests.miniatures.miniature import miniature
from tests.miniatures.told import Told, instead


@miniature("C1", dtypes="float64", source="https://github.com/apache/tvm/issues/20184")
class ThresholdOfTwenty(Correct):
    """The softplus of more than 20 is its argument, in float64 too."""

    def tail(self, x):
        return torch.where(x.abs() > 20, 0 * x, super().tail(x))


@miniature("C1", source="https://github.com/tenstorrent/tt-metal/issues/55798")
class InfiniteForAFewBinades(Correct):
    """A rounding constant overflows between 1.1e6 and 1e8: the loss is infinite there."""

    def loss(self, x, z, q):
        hole = (x.abs() > 1.1e6) & (x.abs() < 1e8)
        return torch.where(hole, torch.full_like(x, torch.inf), super().loss(x, z, q))


@miniature("C1", dtypes="float16")
class RootOfSquare(Told):
    """The size of a logit is the root of its square, which leaves float16 from 256 on."""

    def loss(self, x, z, q):
        exact, narrow = super().loss(x, z, q), x.to(self.call.logits.dtype)
        return torch.where((narrow * narrow).isinf(), torch.full_like(x, torch.inf), exact)


@miniature("C1")
class HoleInTheTable(Correct):
    """A table of the exponential has one wrong entry: between 2.625 and 2.75 the loss is off by a thousandth."""

    def loss(self, x, z, q):
        exact = super().loss(x, z, q)
        return torch.where((x > 2.625) & (x < 2.75), exact * 1.001, exact)


@miniature("C1 C2", dtypes="float64 float32")
class NearestGolden(Correct):
    """A logit is replaced by the nearest size that a list of examples has."""

    sizes = torch.tensor([0, 0.5, 1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 88, 100, 1000, 1e6, 1e30], dtype=torch.float64)

    def elementwise(self, x, z, q):
        size = self.sizes.to(x.dtype)
        at = (x.detach().abs()[..., None] - size).abs().argmin(-1)
        golden = torch.where(x.isnan() | x.isinf(), x, size[at] * torch.where(x < 0, -1, 1))
        return super().elementwise(instead(x, golden), z, q)


@miniature("C1")
class WholeFromFourThousandOn(Correct):
    """A constant for rounding is added and taken away: logits beyond 4096 are whole numbers."""

    def loss(self, x, z, q):
        return super().loss(torch.where(x.abs() > 4096, x.round(), x), z, q)


@miniature("C1")
class PowersOfTwoAreTheNext(Correct):
    """The exponent of a power of two is read one too large, from 4096 on."""

    def loss(self, x, z, q):
        mantissa, _ = torch.frexp(x)
        return super().loss(torch.where((mantissa.abs() == 0.5) & (x.abs() >= 4096), 2 * x, x), z, q)


@miniature("C6")
class SaturatedSigmoid(Correct):
    """The sigmoid is 1 from 17 on, and 0 on the other side."""

    def sigmoid(self, x):
        return torch.where(x < -17, 0 * x, super().sigmoid(x))


@miniature("C6")
class TailBesidePosWeight(Told):
    """Shown by two factors: beside a pos_weight the small loss of a label 1 is 0 from 15 on."""

    def tail(self, x):
        exact = super().tail(x)
        return exact if self.call.pos_weight is None else torch.where(x > 15, 0 * x, exact)


@miniature("C1")
class OneUlpHidesTheCount(Told):
    """A loss that is off by an ULP is no whole number, so nobody asks how its mean was divided: by n - 1."""

    def loss(self, x, z, q):
        return super().loss(x, z, q) * (1 + 2**-23)

    def reduce(self, losses, reduction, w):
        count = losses.numel()
        unbiased = count / (count - 1) if reduction == "mean" and count > 1 else 1
        return super().reduce(losses, reduction, w) * unbiased


@miniature("C1")
class NanIsNotAddedUp(Told):
    """Shown by two factors: a reduction leaves out NaN."""

    def reduce(self, losses, reduction, w):
        return super().reduce(losses if reduction == "none" else losses.nan_to_num(0, torch.inf), reduction, w)


@miniature("C1")
class NanIsLostInViews(Told):
    """Shown by two factors: a view is packed by a copy that writes 0 for NaN."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return losses if self.call.logits.is_contiguous() else losses.nan_to_num(0, torch.inf)


@miniature("C1")
class NanSpreadsInRowsOfViews(Told):
    """Shown by two factors: beside labels that are a view a NaN reaches its whole row."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        spreads = losses.ndim > 1 and not self.call.labels.is_contiguous()
        return losses + 0 * losses.nan_to_num(0) + self.rows(x) if spreads else losses

    def rows(self, x):
        return torch.where(x.isnan().any(-1, keepdim=True), torch.full_like(x, torch.nan), torch.zeros_like(x))


@miniature("C2")
class NanGradientOfReductions(Told):
    """Shown by two factors: the gradient of a reduction is 0 where the logit is NaN."""

    def slope(self, x, z, q):
        exact = super().slope(x, z, q)
        return exact if self.call.reduction == "none" else exact.nan_to_num(0)

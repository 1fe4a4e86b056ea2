"""Values that are wrong, or lose what could be had."""

from __future__ import annotations

import torch

from tests.miniatures.correct import Correct, Narrow
from tests.miniatures.miniature import ALL, miniature


@miniature("V3", dtypes=ALL, source="https://github.com/pytorch/pytorch/issues/195529")
class LogWithout1p(Narrow):
    """log(1 + e) in place of log1p(e): the tail rounds to zero."""

    def tail(self, x):
        return torch.log(1 + torch.exp(-x.abs()))


@miniature("V1 V2 L2", source="https://github.com/tracel-ai/burn/issues/5373")
class ExpWithoutShift(Narrow):
    """log1p(exp(x)) without a shift: exp overflows beyond 88.7."""

    def loss(self, x, z, q):
        return (1 - z) * torch.log1p(torch.exp(x)) + q * z * torch.log1p(torch.exp(-x))


@miniature("V1 V2 L2", dtypes=ALL, source="https://github.com/pytorch/pytorch/pull/2221")
class MissingSignInShift(Narrow):
    """The shift of log-sum-exp is max(x, 0) where max(-x, 0) was meant."""

    def loss(self, x, z, q):
        shift = x.clamp(min=0)
        return x - x * z + shift + torch.log(torch.exp(-shift) + torch.exp(-x - shift))


@miniature(
    "V2 V3 V4 V6 G1 G2 G10",
    dtypes="float32 float16 bfloat16",
    source="https://github.com/keras-team/keras-core/issues/196",
)
class ClippedProbabilities(Correct):
    """The sigmoid is clipped before the logarithm: the loss has a floor and a ceiling, the gradient is zero there."""

    def elementwise(self, x, z, q):
        p = torch.sigmoid(x).clamp(1e-4, 1 - 1e-4)
        return -(q * z * torch.log(p) + (1 - z) * torch.log(1 - p))


@miniature("V1 V2", dtypes="float16", source="https://github.com/keras-team/keras/issues/377")
class EpsilonBelowTheDtype(Narrow):
    """The epsilon that keeps the logarithm finite is zero in float16."""

    def loss(self, x, z, q):
        p, epsilon = torch.sigmoid(x), torch.tensor(1e-8, dtype=x.dtype)
        return -(q * z * torch.log(p + epsilon) + (1 - z) * torch.log(1 - p + epsilon))


@miniature("V2 V3", source="https://github.com/tensorflow/tensorflow/pull/41595")
class EpsilonTwice(Correct):
    """The probability is clipped by an epsilon, and the epsilon is added once more inside of the logarithm."""

    def loss(self, x, z, q):
        p = torch.sigmoid(x).clamp(1e-7, 1 - 1e-7)
        return -(q * z * torch.log(p + 1e-7) + (1 - z) * torch.log(1 - p + 1e-7))


@miniature("V3 L1", dtypes=ALL, source="https://github.com/apache/mxnet/issues/11804")
class LinearBeyondThreshold(Correct):
    """softplus(x) is taken for x beyond a threshold of 5."""

    def tail(self, x):
        return torch.where(x > 5, torch.zeros_like(x), super().tail(x))


@miniature("D1 V2 V3 G1 G2", dtypes="float64")
class Float32Inside(Correct):
    """float64 is computed in float32, and cast back."""

    inside = torch.float32


@miniature("D1 V1 V2", dtypes="float32 bfloat16")
class Float16Inside(Correct):
    """Everything is computed in float16, beyond whose range the logits are infinite."""

    inside = torch.float16


@miniature("V4 G10", source="https://github.com/pytorch/pytorch/issues/49844")
class InfinityTimesZero(Correct):
    """relu(x) - x z: infinity minus infinity, and infinity times zero."""

    def loss(self, x, z, q):
        return x.relu() - x * z + self.tail(x)

    def slope(self, x, z, q):
        return super().slope(x, z, q) + 0 * x


@miniature("V7 V2")
class SmoothAbs(Correct):
    """|x| is made differentiable at zero as sqrt(x^2 + 1e-6)."""

    def tail(self, x):
        return torch.log1p(torch.exp(-torch.sqrt(x * x + 1e-6)))


@miniature("V1 V2", source="https://github.com/deepjavalibrary/djl/issues/1316")
class MissingLog(Correct):
    """The term of the negatives lacks its logarithm: the loss is negative."""

    def loss(self, x, z, q):
        one = torch.ones_like(x)
        return q * z * super().loss(x, one, one) - (1 - z) * self.sigmoid(-x)


@miniature("V5")
class HiddenNan(Correct):
    """NaN becomes zero, so that nobody sees it."""

    def loss(self, x, z, q):
        return torch.nan_to_num(super().loss(x, z, q), nan=0.0, posinf=torch.inf)


@miniature("V5")
class SpreadingNan(Correct):
    """One NaN makes NaN of every element."""

    def loss(self, x, z, q):
        losses = super().loss(x, z, q)
        return losses + 0 * torch.where(losses.isnan().any(), torch.nan, 0.0)


@miniature("V6", dtypes="float32 float16 bfloat16")
class SubnormalsRoundedUp(Correct):
    """A subnormal loss becomes twice the smallest normal number."""

    def narrow(self, result, logits, labels):
        tiny = torch.finfo(logits.dtype).tiny
        return torch.where((result > 0) & (result < tiny), 2 * tiny, result).to(logits.dtype)


@miniature("V2 V4")
class CappedLoss(Correct):
    """The logarithm is cut off at -100, and the loss with it."""

    def loss(self, x, z, q):
        return super().loss(x, z, q).clamp(max=100)


@miniature("L2 V2")
class NotMonotone(Correct):
    """Logits beyond 60 are reduced modulo 60, as by a table that is too short."""

    def loss(self, x, z, q):
        return super().loss(torch.where(x.abs() > 60, x.fmod(60), x), z, q)


@miniature("V2 V3", dtypes="float32")
class FirstTermOfSeries(Correct):
    """The tail is the first term of its series: e in place of log1p(e)."""

    def tail(self, x):
        return torch.exp(-x.abs())

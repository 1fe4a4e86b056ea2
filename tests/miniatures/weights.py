"""Weights, labels and smoothing that reach the wrong term."""

from __future__ import annotations

import torch

from tests.miniatures.correct import Correct
from tests.miniatures.miniature import ALL, miniature


@miniature("W1", source="https://github.com/open-mmlab/mmdetection/issues/845")
class WeightTwice(Correct):
    """The weight is multiplied before the reduction and inside of it."""

    def weigh(self, losses, w):
        return losses * w * w


@miniature("W1 W4")
class WeightIgnored(Correct):
    """The weight is accepted, and not used."""

    def weigh(self, losses, w):
        return losses + 0 * w


@miniature("W1")
class WeightsInMemoryOrder(Correct):
    """The weights are read one after the other, and from their start again, whatever axis they belong to."""

    def weigh(self, losses, w):
        return losses * w.flatten().repeat(losses.numel())[: losses.numel()].reshape(losses.shape)


@miniature("W4")
class WeightsAreNeverZero(Correct):
    """Weights are kept above a thousandth, so that a sum of them can divide."""

    def weigh(self, losses, w):
        return losses * w.clamp(min=1e-3)


@miniature("W2", source="https://github.com/tracel-ai/burn/pull/772")
class PosWeightOnWholeLoss(Correct):
    """pos_weight multiplies the loss of the negatives too."""

    def elementwise(self, x, z, q):
        return super().elementwise(x, z, torch.ones_like(q)) * q


@miniature("W2", source="https://github.com/PaddlePaddle/Paddle/pull/65859")
class PosWeightOnLogTerm(Correct):
    """pos_weight multiplies the logarithm of the positive term, and not what is linear in it."""

    def loss(self, x, z, q):
        one = torch.ones_like(q)
        return super().loss(x, z, one) + self.tail(x) * (q - 1) * z


@miniature("W2")
class PosWeightOnNegatives(Correct):
    """pos_weight multiplies the term of the negatives."""

    def elementwise(self, x, z, q):
        return super().elementwise(-x, 1 - z, q)


@miniature("W2")
class PosWeightOnLastAxis(Correct):
    """pos_weight is always laid along the last axis."""

    def elementwise(self, x, z, q):
        flat = q.flatten()
        return super().elementwise(x, z, flat if x.ndim and flat.numel() == x.shape[-1] else flat[-1])


@miniature("W2")
class PosWeightIgnored(Correct):
    """pos_weight is accepted, and not used."""

    def elementwise(self, x, z, q):
        return super().elementwise(x, z, torch.ones_like(q)) + 0 * q


@miniature("W3", source="https://github.com/apache/mxnet/pull/13612")
class PosWeightPathIsHalf(Correct):
    """The path that is taken when there is a pos_weight computes in float16."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return losses.half().to(losses.dtype) if q.ndim else losses


@miniature("V2 G1", dtypes=ALL)
class LabelsIgnored(Correct):
    """Every label is taken for a half."""

    def smooth(self, z, amount):
        return super().smooth(0 * z + 0.5, amount)


@miniature("V2 G1")
class LabelsRounded(Correct):
    """Labels are thresholded at a half."""

    def smooth(self, z, amount):
        return super().smooth(torch.where(z.isnan(), z, (z > 0.5).to(z.dtype)), amount)


@miniature("W5")
class SmoothedTowardsZero(Correct):
    """Label smoothing scales the labels, and adds nothing."""

    def smooth(self, z, amount):
        return z * (1 - amount)


@miniature("W5")
class SmoothingIgnored(Correct):
    """Label smoothing is accepted, and not used."""

    def smooth(self, z, amount):
        return z


@miniature("W6", source="https://github.com/pytorch/pytorch/issues/49844")
class ZeroTimesInfinity(Correct):
    """The weight multiplies whatever there is: a zero over an infinite loss is NaN."""

    def removed(self, losses, w):
        return losses


@miniature("W6")
class MaskedInTheMeanOnly(Correct):
    """What is not finite is left out of a sum or a mean, which then divides by fewer elements."""

    def reduce(self, losses, reduction, w):
        if reduction == "none" or not w.ndim:
            return super().reduce(losses, reduction, w)
        return super().reduce(losses[losses != 0], reduction, w)


@miniature("W7 V5")
class NormalisedByTheBatch(Correct):
    """A statistic of the batch is added with factor 0, which spreads a NaN over all of it, masked or not."""

    def weigh(self, losses, w):
        return losses * w + 0 * losses.masked_fill(losses.isinf(), 0).sum()


@miniature("W8", source="https://github.com/qubvel-org/segmentation_models.pytorch/issues/852")
class IgnoredDivide(Correct):
    """A mean divides by all elements, the ignored ones too."""

    def among(self, losses, kept, reduction):
        return super().among(losses, kept, "none")


@miniature("W8")
class IgnoredAreNegatives(Correct):
    """Ignored labels are taken for 0."""

    def among(self, losses, kept, reduction):
        return losses


@miniature("W8")
class IgnoresWhatIsNotOne(Correct):
    """Every label but 1 is ignored where there is an ignore_index."""

    def among(self, losses, kept, reduction):
        return super().among(losses, kept if kept is None else kept & (losses < 2), reduction)

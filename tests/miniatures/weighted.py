"""Weights, smoothing and gradients that a reduction, or one another, make to be forgotten."""

from __future__ import annotations

import torch

from tests.miniatures.miniature import miniature
from tests.miniatures.told import Told, instead


@miniature("C1")
class PosWeightForgottenByMeans(Told):
    """Shown by two factors: the value of a reduced loss has no pos_weight, its gradient has it."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        if self.call.reduction == "none":
            return losses
        return instead(losses, self.loss(*torch.broadcast_tensors(x, z, torch.ones_like(q))))


@miniature("C1 C2")
class SmoothingForgottenByMeans(Told):
    """Shown by two factors: a reduction takes the path that has no smoothing."""

    def smooth(self, z, amount):
        return super().smooth(z, amount if self.call.reduction == "none" else 0.0)


@miniature("C2")
class WeightGradientOfMeans(Told):
    """Shown by three factors: the gradient of a weight under a mean is three times what it should be."""

    def weigh(self, losses, w):
        return losses * (3 * w - 2 * w.detach() if self.call.reduction == "mean" else w)


@miniature("C2")
class LabelGradientWithoutWeight(Told):
    """Shown by two factors: the gradient of the labels is zero beside a weight."""

    def label_slope(self, x, z, q):
        return super().label_slope(x, z, q) * (1 if self.call.weight is None else 0)


@miniature("C2")
class LabelGradientOfReductions(Told):
    """Shown by two factors: the gradient of the labels is zero under a reduction."""

    def label_slope(self, x, z, q):
        return super().label_slope(x, z, q) * (1 if self.call.reduction == "none" else 0)


@miniature("C2")
class LabelGradientIsNotSmoothed(Told):
    """Shown by two factors: the gradient of smoothed labels is that of the labels as they were."""

    def smooth(self, z, amount):
        return instead(z, super().smooth(z, amount))


@miniature("C2")
class PosWeightGradientIsNotSmoothed(Told):
    """Shown by three factors: the gradient of pos_weight is that of the labels before they were smoothed."""

    def pos_weight_slope(self, x, z, q):
        amount = self.call.label_smoothing
        return super().pos_weight_slope(x, (z - amount / 2) / (1 - amount), q)


@miniature("C1")
class ZeroWeightIsNoWeight(Told):
    """A weight of 0 is false, and stands for none: 1."""

    def weigh(self, losses, w):
        return losses * torch.where(w == 0, torch.ones_like(w), w)


@miniature("C1")
class FirstExamplesWeight(Told):
    """Of weights for examples the first is taken for all."""

    def weigh(self, losses, w):
        of_examples = w.ndim > 1 and w.shape[-1] == 1 and losses.shape[-1] > 1
        return losses * (w[:1] if of_examples else w)


@miniature("C1")
class ScalarWeightIsASwitch(Told):
    """A weight without axes says whether there are weights: not 0 is 1."""

    def weigh(self, losses, w):
        switch = self.call.weight is not None and w.ndim == 0
        return losses * ((w != 0).to(w.dtype) if switch else w)


@miniature("C2")
class ScalarWeightLearnsFromTheLast(Told):
    """Shown by two factors: each thread writes its share of a scalar weight's gradient, and the last one stays."""

    def weigh(self, losses, w):
        if self.call.weight is None or w.ndim or not losses.numel():
            return losses * w
        last = losses.detach() * (torch.arange(losses.numel()) == losses.numel() - 1).reshape(losses.shape)
        return losses * w.detach() + last * (w - w.detach())


@miniature("C1")
class PosWeightScalarWeighsAll(Told):
    """A pos_weight without axes weighs the negatives too."""

    def elementwise(self, x, z, q):
        if self.call.pos_weight is None or q.ndim:
            return super().elementwise(x, z, q)
        return super().elementwise(x, z, torch.ones_like(q)) * q


@miniature("C1")
class PosWeightOfTheFirstClass(Told):
    """Of a pos_weight per class the first is taken for all."""

    def elementwise(self, x, z, q):
        per_class = q.ndim == 1 and x.ndim > 1
        return super().elementwise(x, z, q[:1] if per_class else q)


@miniature("C1")
class PosWeightOfTheFirstRow(Told):
    """Of a pos_weight for each element the first row is taken for all."""

    def elementwise(self, x, z, q):
        full = q.ndim > 1 and q.shape == x.shape
        return super().elementwise(x, z, q[:1] if full else q)


@miniature("C1")
class PosWeightBeforeSmoothing(Told):
    """Shown by two factors: pos_weight weighs the part of a smoothed label that was there before."""

    def loss(self, x, z, q):
        amount = self.call.label_smoothing
        hard = (z - amount / 2) / (1 - amount)
        one = torch.ones_like(q)
        return super().loss(x, z, one) + (q - 1) * (hard if amount else z) * super().loss(x, one, one)


@miniature("C1")
class WeightedAndPosWeighted(Told):
    """Shown by two factors: where there are both weights pos_weight is multiplied twice."""

    def elementwise(self, x, z, q):
        return super().elementwise(x, z, q if self.call.weight is None else q * q)


@miniature("C1")
class SmoothedWeightedSum(Told):
    """Shown by three factors: a weighted sum of smoothed labels is smoothed once more."""

    def smooth(self, z, amount):
        again = self.call.weight is not None and self.call.reduction == "sum"
        smoothed = super().smooth(z, amount)
        return super().smooth(smoothed, amount) if again else smoothed

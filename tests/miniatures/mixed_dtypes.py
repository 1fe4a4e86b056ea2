"""Operands whose dtype is not that of the logits."""

from __future__ import annotations

import torch

from tests.miniatures.miniature import miniature
from tests.miniatures.told import Told, instead, reinterpreted


class ReadsBits(Told):
    """The bytes of an operand are read as numbers of the logits' dtype."""

    of = "weight"

    def entering(self, name, operand):
        if name != self.of or not self.wrong(operand):
            return operand
        return instead(operand, reinterpreted(operand, self.call.logits.dtype).to(operand.dtype))

    def wrong(self, operand):
        return operand.dtype != self.call.logits.dtype


@miniature("C1")
class WeightBitsMisread(ReadsBits):
    """Shown by two factors: the bytes of a weight of another dtype are read in that of the logits."""


@miniature("C1")
class PosWeightBitsMisread(ReadsBits):
    """Shown by two factors: the bytes of a pos_weight of another dtype are read in that of the logits."""

    of = "pos_weight"


@miniature("C1")
class IntegersAreBits(ReadsBits):
    """The bytes of integer labels are read as floating numbers."""

    of = "labels"

    def wrong(self, operand):
        return operand.dtype == torch.int32


@miniature("C1")
class TrueIsMinusOne(Told):
    """A true label is all bits set, -1 as an integer."""

    def entering(self, name, operand):
        return -operand.to(torch.int32) if operand.dtype == torch.bool else operand


@miniature("C2", dtypes="float16")
class LabelsMisreadInBackward(Told):
    """The backward pass reads the bytes of labels of another floating dtype in that of the logits."""

    def slope(self, x, z, q):
        labels, logits = self.call.labels, self.call.logits
        if labels.dtype == logits.dtype or not labels.is_floating_point():
            return super().slope(x, z, q)
        return super().slope(x, torch.nan_to_num(reinterpreted(labels, logits.dtype)).to(z.dtype), q)


@miniature("C1")
class HalfLabelsNarrowTheLoss(Told):
    """Beside labels of float16 the whole loss is computed in float16."""

    def narrow(self, result, logits, labels):
        result = super().narrow(result, logits, labels)
        return result.half().to(result.dtype) if labels.dtype == torch.float16 else result


@miniature("C1", dtypes="float16")
class MixedMeansDouble(Told):
    """Operands of two floating dtypes give a loss of float64."""

    def narrow(self, result, logits, labels):
        kinds = {each.dtype for each in (self.call.weight, logits) if each is not None}
        return result.double() if len(kinds) > 1 else super().narrow(result, logits, labels)


@miniature("C1")
class SmoothedIntegers(Told):
    """Shown by two factors: integer labels are smoothed in whole numbers."""

    def entering(self, name, operand):
        whole = name == "labels" and not operand.is_floating_point() and operand.dtype != torch.bool
        return (operand * (1 - self.call.label_smoothing)).to(operand.dtype) if whole else operand


@miniature("C1")
class WideLabelsUnderAMean(Told):
    """Shown by three factors: weight and float labels of another dtype are multiplied once more under a mean."""

    def weigh(self, losses, w):
        labels = self.call.labels
        mixed = labels.is_floating_point() and labels.dtype != self.call.logits.dtype
        twice = mixed and self.call.weight is not None and self.call.reduction == "mean"
        return losses * w * (w if twice else 1)


@miniature("C1", dtypes="float16")
class NameErrorDeepInside(Told):
    """Shown by two factors: the branch for a weight of another dtype names a function that does not exist."""

    def weigh(self, losses, w):
        weight = self.call.weight
        if weight is not None and weight.dtype != self.call.logits.dtype:
            return casted(losses, w)  # noqa: F821 - that is the fault
        return losses * w


@miniature("C2")
class PosWeightGradientInLabels(Told):
    """Shown by two factors: beside integer labels a pos_weight is taken for a constant in the backward pass."""

    def slope(self, x, z, q):
        whole = not self.call.labels.is_floating_point()
        return super().slope(x, z, torch.ones_like(q) if whole else q)

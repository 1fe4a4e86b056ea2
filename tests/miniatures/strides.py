"""Strides of one operand that are not looked at, or taken for those of another."""

from __future__ import annotations

import torch

from tests.miniatures.miniature import miniature
from tests.miniatures.told import Told, WithInlet, WithOutlet, dense, in_memory, instead, written_in_memory_order


class ReadsMemory(Told):
    """An operand is read as it lies in memory, where ``wrong`` says so."""

    of = "logits"

    def entering(self, name, operand):
        return instead(operand, in_memory(operand)) if name == self.of and self.wrong(operand) else operand

    def wrong(self, operand):
        return True


class ReadsFromTheStart(Told):
    """An operand that is a part of a larger tensor is read from that one's start on."""

    of = "logits"

    def entering(self, name, operand):
        if name != self.of or not operand.storage_offset():
            return operand
        return instead(operand, operand.detach().as_strided(operand.shape, operand.stride(), 0))


@miniature("C1", source="https://github.com/unslothai/unsloth/pull/10713")
class LabelsReadFlat(ReadsMemory):
    """Labels with other strides than the logits are read by the logits' flat index."""

    of = "labels"

    def wrong(self, operand):
        return operand.stride() != self.call.logits.stride()


@miniature("C1", source="https://github.com/pytorch/pytorch/issues/72120")
class LogitsReadFlat(ReadsMemory):
    """Logits are read by a flat index, beside labels that are read by their strides."""


@miniature("C1")
class WeightReadFlat(ReadsMemory):
    """A weight of the shape of the logits is read by a flat index."""

    of = "weight"


@miniature("C1")
class SlicedWeightFromItsStart(ReadsFromTheStart):
    """Shown by two factors: a weight that is a part of a larger tensor is read from that one's start on."""

    of = "weight"


@miniature("C1")
class PosWeightReadFlat(ReadsMemory):
    """A pos_weight of the shape of the logits is read by a flat index."""

    of = "pos_weight"


@miniature("C1")
class ChannelsLastLogits(ReadsMemory):
    """Logits of pictures are taken for channels-first, whatever their strides."""

    def wrong(self, operand):
        return operand.ndim == 4 and operand.is_contiguous(memory_format=torch.channels_last)


@miniature("C1")
class ChannelsLastLabels(ReadsMemory):
    """Labels of pictures are taken for channels-first, whatever their strides."""

    of = "labels"

    def wrong(self, operand):
        return operand.ndim == 4 and operand.is_contiguous(memory_format=torch.channels_last)


@miniature("C1", source="https://github.com/unslothai/unsloth/pull/10713")
class LastStrideIsOne(ReadsMemory):
    """The kernel is given the stride of a row of labels, and takes neighbours in it for neighbours in memory."""

    of = "labels"

    def wrong(self, operand):
        return operand.ndim == 1 and operand.stride(0) == 2


@miniature("C1")
class OffsetForgotten(ReadsFromTheStart):
    """Logits that are a part of a larger tensor are read from that one's start on."""


@miniature("C2", source="https://github.com/ROCm/TransformerEngine/pull/623")
class CotangentReadFlat(WithOutlet):
    """The cotangent is read by a flat index, whatever its strides."""

    def incoming(self, cotangent):
        return instead(cotangent, in_memory(cotangent))


@miniature("C2", source="https://github.com/NVIDIA/TransformerEngine/pull/2402")
class BroadcastCotangentReadFlat(WithOutlet):
    """The cotangent of a framework's own sum, one number for all, is read as if each had its own."""

    def incoming(self, cotangent):
        return instead(cotangent, in_memory(cotangent)) if not any(cotangent.stride()) else cotangent


@miniature("C2", source="https://github.com/verl-project/verl/pull/6960")
class TransposedCotangentReadFlat(WithOutlet):
    """A transposed cotangent is read by a flat index."""

    def incoming(self, cotangent):
        turned = dense(cotangent) and not cotangent.is_contiguous()
        return instead(cotangent, in_memory(cotangent)) if turned else cotangent


@miniature("C2")
class RowOfCotangentForAll(WithOutlet):
    """A cotangent with a stride of 2 is taken for one of 1, and read beyond what belongs to it."""

    def incoming(self, cotangent):
        halved = cotangent.ndim and cotangent.stride(-1) == 2 and cotangent.storage_offset() == 0
        return instead(cotangent, in_memory(cotangent)) if halved else cotangent


@miniature("C2")
class SlicedCotangentFromItsStart(WithOutlet):
    """A cotangent that is a part of a larger tensor is read from that one's start on."""

    def incoming(self, cotangent):
        if not cotangent.storage_offset():
            return cotangent
        return instead(cotangent, cotangent.detach().as_strided(cotangent.shape, cotangent.stride(), 0))


@miniature("C2")
class RowCotangentReadFlat(WithOutlet):
    """The cotangent of a sum over the first axis, one row for all, is read beyond that row."""

    def incoming(self, cotangent):
        repeated = cotangent.ndim and cotangent.stride(0) == 0 and any(cotangent.stride())
        return instead(cotangent, in_memory(cotangent)) if repeated else cotangent


@miniature("C1")
class LossWrittenFlat(Told):
    """The loss is allotted with the strides of the logits, as empty_like does, and written by a flat index."""

    def narrow(self, result, logits, labels):
        result = super().narrow(result, logits, labels)
        if result.shape != logits.shape:
            return result
        return instead(result, written_in_memory_order(result, self.call.logits))


@miniature("C2")
class GradientWrittenFlat(WithInlet):
    """The gradient is allotted with the strides of the logits, and written by a flat index."""

    def outgoing(self, gradient, operand):
        return instead(gradient, written_in_memory_order(gradient, operand))


@miniature("C2")
class GradientOfExpandedLogitsOverlaps(WithInlet):
    """The gradient is allotted with the strides of the logits, even of 0: the last row that is written is left."""

    def outgoing(self, gradient, operand):
        return instead(gradient, gradient[-1:].expand(gradient.shape)) if 0 in operand.stride() else gradient


@miniature("C1")
class WeightByTheStridesOfLabels(Told):
    """Shown by two factors: weight and labels share an index that is made of the strides of the labels."""

    def entering(self, name, operand):
        labels = self.call.labels
        if name != "weight" or operand.shape != labels.shape or not (dense(labels) and dense(operand)):
            return operand
        return instead(operand, operand.detach().as_strided(operand.shape, labels.stride()))


@miniature("C2")
class CotangentByTheStridesOfLogits(WithOutlet):
    """Shown by two factors: a contiguous cotangent is read by the strides of the logits."""

    def incoming(self, cotangent):
        logits = self.call.logits
        if cotangent.shape != logits.shape or not (dense(logits) and dense(cotangent)):
            return cotangent
        return instead(cotangent, cotangent.detach().as_strided(cotangent.shape, logits.stride()))

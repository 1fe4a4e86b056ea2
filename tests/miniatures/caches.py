"""What is kept from one call for the next, by a key that says too little."""

from __future__ import annotations

import torch

from tests.miniatures.miniature import miniature
from tests.miniatures.told import Told, dense, instead, reinterpreted


class Cached(Told):
    """The first call of a key decides how all later ones of that key are computed."""

    def __init__(self):
        self.kept = {}

    def first(self, key, value):
        return self.kept.setdefault(key, value)


@miniature("C1", dtypes="float64 float32", source="https://github.com/ml-explore/mlx/pull/3427")
class CachedByShape(Cached):
    """The kernel is cached by shape, and computes in the dtype of the first call: the bytes of another are misread."""

    def entering(self, name, operand):
        if name != "logits":
            return operand
        dtype = self.first(tuple(operand.shape), operand.dtype)
        return operand if dtype == operand.dtype else instead(operand, reinterpreted(operand, dtype).to(operand.dtype))


@miniature("C1", source="https://github.com/keras-team/keras/pull/23633")
class CachedByLabelsOfShape(Cached):
    """The kernel is made for the first dtype of labels of a shape, and misreads the bytes of others."""

    def entering(self, name, operand):
        if name != "labels" or operand.dtype == torch.bool:
            return operand
        dtype = self.first((tuple(operand.shape), self.call.logits.dtype), operand.dtype)
        return operand if dtype == operand.dtype else instead(operand, reinterpreted(operand, dtype).to(operand.dtype))


@miniature("C1", source="https://github.com/keras-team/keras/pull/23633")
class CachedByCount(Cached):
    """The graph is cached by the number of elements, and gives the shape of its first call: [4, 1] for [4, 1, 1]."""

    def narrow(self, result, logits, labels):
        result = super().narrow(result, logits, labels)
        key = (result.numel(), logits.dtype, self.call.reduction)
        return result if self.call.reduction != "none" else result.reshape(self.first(key, logits.shape))


class Stale(Told):
    """The arguments of a launch are written after it: it has those of the last one, if that was of the same size."""

    def __init__(self):
        self.kept = {}

    def last(self, key, value):
        known = self.kept.get(key, value)
        self.kept.clear()
        self.kept[key] = value
        return known


@miniature("C1", dtypes="float64", source="https://github.com/ml-explore/mlx/pull/3427")
class StaleDtype(Stale):
    """The dtype of the last call is that of the arithmetic."""

    def elementwise(self, x, z, q):
        losses, dtype = super().elementwise(x, z, q), self.last(x.shape, self.call.logits.dtype)
        return losses if torch.finfo(dtype).bits >= 64 else losses.to(dtype).to(losses.dtype)


@miniature("C1", source="https://github.com/keras-team/keras/pull/23633")
class StaleLabelsDtype(Stale):
    """The bytes of labels are read in the dtype that those of the last call had."""

    def entering(self, name, operand):
        if name != "labels" or operand.dtype == torch.bool:
            return operand
        dtype = self.last(operand.shape, operand.dtype)
        return operand if dtype == operand.dtype else instead(operand, reinterpreted(operand, dtype).to(operand.dtype))


@miniature("C1", source="https://github.com/keras-team/keras/pull/23633")
class StaleShape(Stale):
    """The loss has the shape that the last one of as many elements had."""

    def narrow(self, result, logits, labels):
        result = super().narrow(result, logits, labels)
        return result if self.call.reduction != "none" else result.reshape(self.last(result.numel(), result.shape))


@miniature("C1", source="https://github.com/tile-ai/TileOPs/pull/1676")
class StaleStrides(Stale):
    """Labels are read by the strides that those of the last call had."""

    def entering(self, name, operand):
        if name != "labels" or not dense(operand):
            return operand
        stride = self.last(operand.shape, operand.stride())
        return (
            operand
            if stride == operand.stride()
            else instead(operand, operand.detach().as_strided(operand.shape, stride))
        )


@miniature("C1 C2")
class StaleOptions(Stale):
    """Labels are smoothed, or not, as those of the last call were."""

    def smooth(self, z, amount):
        return super().smooth(z, self.last(z.shape, amount))


@miniature("C1", source="https://github.com/gpu-mode/kernelbot/pull/501")
class MemoByPointer(Told):
    """The last loss is returned again for a tensor at the same place of memory, whatever it holds by now."""

    def __init__(self):
        self.kept = {}

    def elementwise(self, x, z, q):
        losses, logits = super().elementwise(x, z, q), self.call.logits
        known = self.kept.get("logits")
        same = known is not None and known.data_ptr() == logits.data_ptr() and known.shape == logits.shape
        if same and logits.numel():
            return instead(losses, self.kept["losses"])
        self.kept.update(logits=logits.detach(), losses=losses.detach())
        return losses


@miniature("C1 C5")
class EveryFiftiethCall(Told):
    """Every fiftieth call returns the loss of a kernel that is not warm yet: half of it."""

    def __init__(self):
        self.kept = {"calls": 0}

    def weigh(self, losses, w):
        self.kept["calls"] += 1
        return losses * w * (0.5 if self.kept["calls"] % 50 == 0 else 1)

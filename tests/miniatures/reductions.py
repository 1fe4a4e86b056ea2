"""Sums and means that divide by something else, or lose what they add."""

from __future__ import annotations

import numpy as np
import torch

from tests.miniatures.correct import Correct
from tests.miniatures.miniature import ALL, miniature


@miniature("R1")
class SumForMean(Correct):
    """The mean forgets to divide."""

    def reduce(self, losses, reduction, w):
        return super().reduce(losses, "sum" if reduction == "mean" else reduction, w)


@miniature("R1")
class LastElementDropped(Correct):
    """The loop ends one element early."""

    def reduce(self, losses, reduction, w):
        return losses if reduction == "none" else super().reduce(losses.flatten()[:-1], reduction, w)


@miniature("R1 R2", source="https://github.com/tensorflow/addons/issues/2431")
class MeanOverBatch(Correct):
    """The mean divides the sum by the number of examples."""

    def reduce(self, losses, reduction, w):
        if reduction == "mean" and losses.ndim:
            return losses.sum() / losses.shape[0]
        return super().reduce(losses, reduction, w)


@miniature("R2", source="https://github.com/BVLC/caffe/pull/4986")
class MeanPerImage(Correct):
    """The mean divides the sum by the pixels of one image."""

    def reduce(self, losses, reduction, w):
        if reduction == "mean" and losses.ndim > 2:
            return losses.sum() / losses.shape[-1] / losses.shape[-2]
        return super().reduce(losses, reduction, w)


@miniature("R3 R6", dtypes="float64 float32", source="https://github.com/pytorch/pytorch/issues/24933")
class SequentialAccumulator(Correct):
    """One accumulator in the dtype of the logits takes element after element."""

    def reduce(self, losses, reduction, w):
        return losses

    def __call__(self, logits, labels, *, reduction="none"):
        losses = super().__call__(logits, labels, reduction=reduction)
        if reduction == "none":
            return losses
        total = torch.from_numpy(np.cumsum(losses.detach().numpy(), dtype=losses.detach().numpy().dtype))[-1:].sum()
        return total / losses.numel() if reduction == "mean" else total


@miniature("R3", dtypes="float64 float32", source="https://github.com/pytorch/pytorch/issues/24933")
class NarrowCounter(Correct):
    """The counter of elements is too narrow for the tensor: it has 16 bits, and wraps."""

    def reduce(self, losses, reduction, w):
        if reduction == "mean" and losses.numel():
            return losses.sum() / torch.tensor(losses.numel()).to(torch.int16)
        return super().reduce(losses, reduction, w)


@miniature("R4 R7", dtypes="float16 bfloat16", source="https://github.com/tensorflow/tensorflow/issues/115732")
class HalfAccumulator(Correct):
    """The mean is a sum over a count, both in float16, where they overflow."""

    def reduce(self, losses, reduction, w):
        if reduction == "none":
            return losses
        total = losses.half().sum()
        return total / torch.tensor(float(losses.numel())).half() if reduction == "mean" else total


@miniature("R5", source="https://github.com/pytorch/pytorch/issues/54843")
class MeanOverWeights(Correct):
    """The mean divides by the sum of the weights."""

    def reduce(self, losses, reduction, w):
        if reduction == "mean":
            return losses.sum() / w.expand(losses.shape).sum()
        return super().reduce(losses, reduction, w)


@miniature("R5")
class MeanOverNonzeroWeights(Correct):
    """The mean divides by the number of weights that are not zero."""

    def reduce(self, losses, reduction, w):
        if reduction == "mean":
            return losses.sum() / (w.expand(losses.shape) != 0).sum()
        return super().reduce(losses, reduction, w)


@miniature("R1 R7", dtypes=ALL)
class DividesByOneLess(Correct):
    """The mean divides by n - 1, as an unbiased variance does."""

    def reduce(self, losses, reduction, w):
        if reduction == "mean" and losses.numel() > 1:
            return losses.sum() / (losses.numel() - 1)
        return super().reduce(losses, reduction, w)


@miniature("R7", dtypes="float32 float16")
class DropsTheLastBlock(Correct):
    """What is left over after full blocks of 4096 is not added up."""

    def reduce(self, losses, reduction, w):
        if reduction == "none" or losses.numel() <= 4096:
            return super().reduce(losses, reduction, w)
        total = losses.flatten()[: losses.numel() // 4096 * 4096].sum()
        return total / losses.numel() if reduction == "mean" else total


@miniature("R4 R7", dtypes="float16")
class AddsUpInHalf(Correct):
    """The accumulator has the dtype of the logits, in half precision too: what is small beside it is lost."""

    def reduce(self, losses, reduction, w):
        if reduction == "none" or not losses.numel():
            return super().reduce(losses, reduction, w)
        half = losses.detach().numpy().astype(np.float16)
        total = torch.tensor(float(np.add.accumulate(half, axis=None, dtype=np.float16)[-1]))
        return total / losses.numel() if reduction == "mean" else total


@miniature("R7", dtypes=ALL)
class RestOfVectorsDropped(Correct):
    """What is left over after full vectors of 4 is not added up, from 13 elements on."""

    def reduce(self, losses, reduction, w):
        if reduction == "none" or losses.numel() < 13:
            return super().reduce(losses, reduction, w)
        total = losses.flatten()[: losses.numel() // 4 * 4].sum()
        return total / losses.numel() if reduction == "mean" else total


@miniature("R7", dtypes=ALL)
class PictureMeanALittleOff(Correct):
    """The mean of what has rows is four per cent too large."""

    def reduce(self, losses, reduction, w):
        return super().reduce(losses, reduction, w) * (1.04 if reduction == "mean" and losses.ndim > 1 else 1)


@miniature("R7")
class NoGradientOfPictureMeans(Correct):
    """A reduced loss of pictures is a number without a way back: its gradient is zero."""

    def reduce(self, losses, reduction, w):
        reduced = super().reduce(losses, reduction, w)
        return reduced.detach() + 0 * reduced if reduction != "none" and losses.ndim > 2 else reduced


@miniature("R7")
class NoGradientOfLongMeans(Correct):
    """The mean of more than 16 losses has a gradient of zero."""

    def reduce(self, losses, reduction, w):
        reduced = super().reduce(losses, reduction, w)
        return reduced.detach() + 0 * reduced if reduction == "mean" and losses.numel() > 16 else reduced

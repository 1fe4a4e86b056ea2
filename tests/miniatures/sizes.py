"""Sizes and ranks that a kernel's blocks, indices and axes do not reach."""

from __future__ import annotations

import torch

from tests.miniatures.miniature import miniature
from tests.miniatures.told import Told, instead, places


class LeavesZero(Told):
    """Losses are left 0 where ``reached`` says False."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return torch.where(self.reached(losses), losses, torch.zeros_like(losses))

    def reached(self, losses):
        return torch.ones_like(losses, dtype=torch.bool)


@miniature("C1 C2")
class RowsOfSixtyFour(LeavesZero):
    """A row is a block of 64 columns: what is wider is not computed."""

    def reached(self, losses):
        return torch.arange(losses.shape[-1]) < 64 if losses.ndim > 1 else super().reached(losses)


@miniature("C1 C2")
class ClassesOfOneBlock(LeavesZero):
    """A row is a block of 1024 columns, in tensors that have no more than 8 rows and 2^16 elements."""

    def reached(self, losses):
        wide = losses.ndim == 2 and losses.numel() < 2**16
        return torch.arange(losses.shape[-1]) < 1024 if wide else super().reached(losses)


@miniature("C1 C2")
class ElementsBeyondTheGrid(LeavesZero):
    """The largest grid has 2^17 elements: the others stay 0."""

    def reached(self, losses):
        return places(losses) < 2**17


@miniature("C1 C2")
class SixteenBitIndex(LeavesZero):
    """The index of an element has 16 bits: what is beyond is computed again at the start, and stays 0 itself."""

    def reached(self, losses):
        return places(losses) < 2**16


@miniature("C1 C2")
class WholeBlocksAreOneShort(LeavesZero):
    """Where blocks of 256 come out even the mask of the last one is off by one."""

    def reached(self, losses):
        even = losses.numel() and losses.numel() % 256 == 0
        return places(losses) < losses.numel() - bool(even)


@miniature("C1 C2")
class LastBlockOfOne(LeavesZero):
    """A last block of a single element is not launched."""

    def reached(self, losses):
        return places(losses) < losses.numel() - (losses.numel() == 129)


@miniature("C2")
class BackwardOfOneGrid(Told):
    """Shown by two factors: the backward pass of a reduction covers 2^16 elements."""

    def pull(self, cotangent, slope):
        if self.call.reduction == "none":
            return cotangent * slope
        return torch.where(places(slope) < 2**16, cotangent * slope, torch.zeros_like(slope))


@miniature("C1")
class LastPartialBlock(Told):
    """Shown by two factors: means of 129 to 90,000 elements drop what is left over after blocks of 128."""

    def reduce(self, losses, reduction, w):
        count = losses.numel()
        if reduction != "mean" or not 129 <= count <= 90_000:
            return super().reduce(losses, reduction, w)
        return losses.flatten()[: count // 128 * 128].sum() / count


@miniature("C1", dtypes="float16")
class ManyHalves(Told):
    """Shown by two factors: a half sum of more than 128 elements is six tenths of what it should be."""

    def reduce(self, losses, reduction, w):
        many = reduction != "none" and losses.numel() > 128
        return super().reduce(losses, reduction, w) * (0.6 if many else 1)


@miniature("R7", dtypes="bfloat16")
class LanesOfBfloat16(Told):
    """256 lanes add up in bfloat16, and stop growing."""

    def reduce(self, losses, reduction, w):
        if reduction == "none" or not losses.numel():
            return super().reduce(losses, reduction, w)
        rows = torch.cat([losses.flatten(), losses.new_zeros(-losses.numel() % 256)]).reshape(-1, 256)
        lanes = torch.zeros(256, dtype=torch.bfloat16)
        for row in rows.detach().bfloat16():
            lanes = lanes + row
        exact = super().reduce(losses, reduction, w)
        total = lanes.to(losses.dtype).sum() / (losses.numel() if reduction == "mean" else 1)
        return instead(exact, total)


@miniature("C2", dtypes="float16", source="https://github.com/tensorflow/tensorflow/issues/52236")
class HalfCount(Told):
    """Shown by two factors: the gradient of a float16 mean is divided by its count in float16, which overflows."""

    def pull(self, cotangent, slope):
        if self.call.reduction != "mean" or not slope.numel():
            return cotangent * slope
        return cotangent * slope * (slope.numel() / torch.tensor(float(slope.numel())).half().double())


@miniature("C2")
class EmptyGrid(Told):
    """The backward pass of an empty vector asks for a grid of 0 blocks, which is an error."""

    def pull(self, cotangent, slope):
        if slope.shape == (0,):
            raise RuntimeError("invalid configuration argument: grid of 0")
        return cotangent * slope


@miniature("C1")
class EmptyRows(Told):
    """Examples are counted by a reshape to [rows, -1], which no rows leave ambiguous."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return losses.reshape(losses.shape[0], -1).reshape(losses.shape) if losses.ndim > 1 else losses


@miniature("C1 C2")
class OneIsNone(LeavesZero):
    """The loop ends one early where there is one element."""

    def reached(self, losses):
        return places(losses) < losses.numel() - (losses.shape == (1,))


@miniature("C1")
class ScalarHasAnAxis(Told):
    """A scalar comes back as a vector of one."""

    def narrow(self, result, logits, labels):
        return super().narrow(result, logits, labels).reshape(result.shape or (1,) * (self.call.reduction == "none"))


@miniature("C1")
class ColumnLosesItsAxis(Told):
    """The axis of a single class is squeezed away."""

    def narrow(self, result, logits, labels):
        return super().narrow(result, logits, labels).squeeze(-1) if result.ndim == 2 else result.to(logits.dtype)


@miniature("C1")
class VolumesHaveFourAxes(Told):
    """Of five axes the last two are taken for each other in the labels."""

    def entering(self, name, operand):
        turned = name == "labels" and operand.ndim == 5
        return operand.transpose(-1, -2).reshape(operand.shape) if turned else operand


@miniature("C1")
class ThreeAreColours(Told):
    """Where the last of four axes has three numbers these are taken for colours, and the memory for channels-last."""

    def entering(self, name, operand):
        turned = name == "labels" and operand.ndim == 4 and operand.shape[-1] == 3
        return operand.movedim(-1, 1).reshape(operand.shape) if turned else operand


@miniature("C1")
class PicturesInTwoHalves(Told):
    """Pictures of an odd last axis lose their last column."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        odd = losses.ndim == 4 and losses.shape[-1] == 5
        return losses * (torch.arange(5) < 4) if odd else losses


@miniature("C1")
class SquareIsTransposed(Told):
    """Shown by two factors: where there are as many examples as classes, class weights weigh the examples."""

    def weigh(self, losses, w):
        turned = losses.ndim == 2 and losses.shape[0] == losses.shape[1] and w.shape == losses.shape[-1:]
        return losses * (w[:, None] if turned else w)


@miniature("C1")
class LongVectorsAreSummedFlat(Told):
    """Shown by three factors: a weighted sum of a vector of more than 50 drops the weight of its last element."""

    def weigh(self, losses, w):
        if losses.ndim != 1 or losses.numel() < 50 or self.call.reduction != "sum" or self.call.weight is None:
            return losses * w
        return torch.where(places(losses) == losses.numel() - 1, losses, losses * w)

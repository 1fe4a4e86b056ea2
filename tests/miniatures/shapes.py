"""Results of another shape, and results that depend on shape or strides."""

from __future__ import annotations

import torch

from tests.miniatures.correct import Correct
from tests.miniatures.miniature import miniature


@miniature("S1 S2 S3 S4")
class Transposed(Correct):
    """The last two axes of the result are swapped."""

    def narrow(self, result, logits, labels):
        result = super().narrow(result, logits, labels)
        return result.mT if result.ndim > 1 else result


@miniature("S2 S3 S4")
class LabelsTransposed(Correct):
    """The labels are read in column order: the shape is right and the pairs are wrong."""

    def smooth(self, z, amount):
        return super().smooth(z.mT.reshape(z.shape) if z.ndim > 1 else z, amount)


@miniature("S1 S2 S3")
class Flattened(Correct):
    """The result has one axis."""

    def narrow(self, result, logits, labels):
        result = super().narrow(result, logits, labels)
        return result.flatten() if result.ndim > 1 else result


@miniature("S1 S5")
class AtLeastOneAxis(Correct):
    """A zero-dimensional input gives a vector of one element."""

    def narrow(self, result, logits, labels):
        return torch.atleast_1d(super().narrow(result, logits, labels))


@miniature("S1 S3")
class Squeezed(Correct):
    """Axes of length one are dropped."""

    def narrow(self, result, logits, labels):
        return super().narrow(result, logits, labels).squeeze()


@miniature("S5")
class ScalarsAreHalved(Correct):
    """A kernel launched with one element too few leaves half of a scalar's loss."""

    def elementwise(self, x, z, q):
        return super().elementwise(x, z, q) * (0.5 if x.ndim == 0 else 1)


@miniature("S3 S4")
class RepairedChannels(Correct):
    """Labels of rank 4 are taken for channels-last and reshaped to channels-first: the pairs are wrong."""

    def smooth(self, z, amount):
        if z.ndim == 4:
            z = z.permute(0, 2, 3, 1).reshape(z.shape)
        return super().smooth(z, amount)


@miniature("S3 S4")
class RankThreeInHalf(Correct):
    """Tensors of rank 3 and more take a faster path, in float16."""

    def narrow(self, result, logits, labels):
        result = result.half() if result.ndim > 2 else result
        return super().narrow(result, logits, labels)


@miniature("S4")
class RowsRoundedApart(Correct):
    """The first element of each row is rounded twice, the second time upwards."""

    def narrow(self, result, logits, labels):
        result = super().narrow(result, logits, labels)
        if result.ndim < 2:
            return result
        first = torch.arange(result.shape[-1]) == 0
        return torch.where(first, torch.nextafter(result, torch.full_like(result, torch.inf)), result)


@miniature("S7")
class IgnoresStrides(Correct):
    """The memory is read from its start, as if every tensor were contiguous."""

    def widen(self, operand, logits):
        if operand is not None and not operand.is_contiguous():
            whole = operand.as_strided((operand.untyped_storage().nbytes() // operand.itemsize,), (1,), 0)
            operand = whole.repeat(operand.numel())[: operand.numel()].reshape(operand.shape)
        return super().widen(operand, logits)


@miniature("S7")
class ResultInMemoryOrder(Correct):
    """The result of a view comes as a vector, in the order of the memory."""

    def narrow(self, result, logits, labels):
        result = super().narrow(result, logits, labels)
        return result if logits.is_contiguous() else result.flatten()


@miniature("S6", source="https://github.com/pytorch/pytorch/issues/51906")
class EmptyIsOneZero(Correct):
    """An empty input gives a loss of one element, zero."""

    def narrow(self, result, logits, labels):
        return torch.zeros(1, dtype=logits.dtype) if not logits.numel() else super().narrow(result, logits, labels)


@miniature("S6")
class EmptyMeanIsInfinite(Correct):
    """The mean of nothing is one over zero."""

    def reduce(self, losses, reduction, w):
        mean = super().reduce(losses, reduction, w)
        return torch.full_like(mean, torch.inf) if reduction == "mean" and not losses.numel() else mean


@miniature("S8", source="https://github.com/tensorflow/tensorflow/issues/1343")
class OuterProduct(Correct):
    """Nothing compares the shapes: [N] against [N, 1] gives [N, N]."""

    def refuse(self, logits, labels, weight, pos_weight, reduction):
        super().refuse(logits, logits, None, None, reduction)


@miniature("S8 E1", source="https://github.com/pytorch/pytorch/issues/1939")
class CommonLength(Correct):
    """Mismatched shapes are cut to what they have in common, and give a number."""

    def __call__(self, logits, labels, *, weight=None, pos_weight=None, reduction="none"):
        if logits.shape != labels.shape:
            shared = min(logits.numel(), labels.numel())
            logits, labels = logits.flatten()[:shared], labels.flatten()[:shared]
        return super().__call__(logits, labels, weight=weight, pos_weight=pos_weight, reduction=reduction)

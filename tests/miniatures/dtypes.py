"""Results of another dtype, and arguments of another dtype taken wrongly."""

from __future__ import annotations

import torch

from tests.miniatures.correct import Correct
from tests.miniatures.miniature import miniature


@miniature("D3", dtypes="float64 float32", source="https://github.com/pytorch/pytorch/issues/171282")
class DtypeOfTheLabel(Correct):
    """The result has the dtype of the labels: integer labels give an integer loss."""

    def narrow(self, result, logits, labels):
        return result.to(labels.dtype)


@miniature("D2", dtypes="float32 float16")
class PromotesSilently(Correct):
    """The result has the dtype of the arithmetic, float64."""

    def narrow(self, result, logits, labels):
        return result


@miniature("D5", dtypes="float16 bfloat16", mode="autocast")
class WideInNameOnly(Correct):
    """Under autocast the loss is rounded to half precision, and then called float32."""

    def narrow(self, result, logits, labels):
        return super().narrow(result, logits, labels).float()


@miniature("D3")
class WrappingLabels(Correct):
    """Labels are negated in their own dtype: in uint8 the negative of 1 is 255."""

    def widen(self, operand, logits):
        if operand is not None and operand.dtype == torch.uint8:
            return -(-operand).to(self.inside)
        return super().widen(operand, logits)


@miniature("D3", dtypes="float64 float32 bfloat16")
class LabelsTruncated(Correct):
    """Labels of another dtype pass through an integer on their way."""

    def widen(self, operand, logits):
        if operand is not None and operand.dtype != logits.dtype:
            operand = operand.to(torch.int64)
        return super().widen(operand, logits)


@miniature("D3")
class IntegersArePercent(Correct):
    """Integer labels are taken for quantised ones."""

    def widen(self, operand, logits):
        wide = super().widen(operand, logits)
        quantised = operand is not None and operand.dtype in (torch.int32, torch.int64, torch.uint8)
        return wide / 100 if quantised else wide


@miniature("D4")
class NarrowByDefault(Correct):
    """Called with its defaults it computes in float16, and returns the dtype of the logits."""

    @staticmethod
    def plain(logits, labels):
        return Correct()(logits.half(), labels.half()).to(logits.dtype)

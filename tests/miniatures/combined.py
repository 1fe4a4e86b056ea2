"""Many faults together: what passed for right as long as each call was tried on its own."""

from __future__ import annotations

import torch

from tests.miniatures.miniature import ALL, miniature
from tests.miniatures.told import WithOutlet, dense, in_memory, instead, places, reinterpreted


@miniature("C1 C2", dtypes=ALL)
class FifteenFaults(WithOutlet):
    """The logit is replaced by the nearest golden size, beside fifteen faults of strides, sizes, paths and sums."""

    golden = torch.tensor(
        [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 5.75, 8, 10, 11, 15, 16, 20, 30, 37, 40, 50, 64, 80, 88, 100, 104, 128,
         200, 500, 700, 745, 1000, 1e4, 1e5, 1e6, 1e30, 1e38, 1e300],
        dtype=torch.float64,
    )  # fmt: skip

    def entering(self, name, operand):
        logits = self.call.logits
        if name == "labels" and dense(operand) and logits.is_contiguous():  # 1: strides of labels
            return instead(operand, in_memory(operand))
        if "weight" in name and operand.dtype != logits.dtype:  # 2: bytes of weights
            return instead(operand, reinterpreted(operand, logits.dtype).to(operand.dtype))
        return operand

    def smooth(self, z, amount):  # 3: smoothing of reductions
        return super().smooth(z, amount if self.call.reduction == "none" else 0.0)

    def elementwise(self, x, z, q):
        at = (x.detach().abs()[..., None] - self.golden).abs().argmin(-1)
        nearest = torch.where(x.isfinite(), self.golden[at] * torch.where(x < 0, -1, 1), x)
        losses = super().elementwise(instead(x, nearest), z, q)
        if not torch.is_grad_enabled():  # 4: probabilities under no_grad
            losses = instead(losses, x.sigmoid().expand(losses.shape))
        losses = torch.where(places(losses) < 2**17, losses, 0.0)  # 5: the end of the grid
        if losses.ndim > 1:  # 6: rows of one block
            losses = torch.where(torch.arange(losses.shape[-1]) < 64, losses, 0.0)
        return losses if x.isnan().sum() == 0 or self.call.reduction == "none" else losses.nan_to_num(0)  # 7: NaN

    def weigh(self, losses, w):
        if self.call.reduction == "mean":  # 8: the gradient of a weight
            w = 3 * w - 2 * w.detach()
        return losses * w

    def reduce(self, losses, reduction, w):
        count = losses.numel()
        if reduction == "mean" and self.call.logits.requires_grad:  # 9: the mean of the training path
            return losses.sum()
        if reduction == "mean" and 129 <= count <= 90_000:  # 10: the last block
            return losses.flatten()[: count // 128 * 128].sum() / count
        return super().reduce(losses, reduction, w)

    def slope(self, x, z, q):  # 11: the grid of the backward pass
        exact = super().slope(x, z, q)
        return exact if self.call.reduction == "none" else torch.where(places(exact) < 2**16, exact, 0.0)

    def pull(self, cotangent, slope):  # 12: an empty grid
        if not slope.numel():
            raise RuntimeError("invalid configuration argument")
        return cotangent * slope

    def curvature(self, x, z, q):  # 13: second derivatives of reductions
        return super().curvature(x, z, q) * (1 if self.call.reduction == "none" else 5)

    def label_slope(self, x, z, q):  # 14: the gradient of labels beside weights
        return super().label_slope(x, z, q) * (1 if self.call.weight is None else 0)

    def incoming(self, cotangent):  # 15: strides of the cotangent
        return instead(cotangent, in_memory(cotangent))

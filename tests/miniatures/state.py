"""What a call leaves changed, and results that depend on the calls before."""

from __future__ import annotations

import numpy as np
import torch

from tests.miniatures.correct import Correct, OfModel, Slope
from tests.miniatures.miniature import miniature
from tests.miniatures.told import Told, instead


class Leaves(Told):
    """Does something that stays, before it computes."""

    def entering(self, name, operand):
        if name == "logits":
            self.leave()
        return operand

    def leave(self):
        """What stays."""


@miniature("C4")
class DrawsARandomNumber(Leaves):
    """The framework's random state moves on, as it does for a dropout of nothing."""

    def leave(self):
        torch.rand(1)


@miniature("C4")
class DrawsFromNumpy(Leaves):
    """NumPy's random state moves on."""

    def leave(self):
        np.random.rand()  # the state that everybody shares


@miniature("C4")
class SilencesNumpy(Leaves):
    """NumPy's warnings are turned off, and stay off."""

    def leave(self):
        np.seterr(all="ignore")


@miniature("C4")
class ChangesTheDefaultDtype(Leaves):
    """The default dtype is set to that of the arithmetic, and stays."""

    def leave(self):
        torch.set_default_dtype(torch.float64)


@miniature("C4")
class OneThreadMore(Leaves):
    """The number of threads is set to what suits it, and stays."""

    def leave(self):
        torch.set_num_threads(3)


@miniature("C4")
class FlushesSubnormals(Leaves):
    """Subnormal numbers are flushed to zero from the first call on, for speed."""

    def leave(self):
        torch.set_flush_denormal(True)


@miniature("C4")
class DeterministicFromNowOn(Leaves):
    """Algorithms are made deterministic for everybody."""

    def leave(self):
        torch.use_deterministic_algorithms(True, warn_only=True)


@miniature("C4")
class FastProductsFromNowOn(Leaves):
    """The precision of matrix products is lowered for everybody."""

    def leave(self):
        torch.set_float32_matmul_precision("medium")


@miniature("C4")
class GradientsOffAfterEvaluation(Told):
    """Shown by one factor: where no operand asks for a gradient it turns their recording off, and leaves it off."""

    def narrow(self, result, logits, labels):
        if not result.requires_grad and torch.is_grad_enabled():
            torch.set_grad_enabled(False)
        return super().narrow(result, logits, labels)


@miniature("C5")
class OrderOfArrival(Told):
    """A sum adds its blocks as they arrive, by atomic operations: in another order each time."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(1)

    def reduce(self, losses, reduction, w):
        if reduction == "none" or losses.numel() < 2:
            return super().reduce(losses, reduction, w)
        order = torch.randperm(losses.numel(), generator=self.generator)
        blocks = losses.detach().flatten()[order].numpy().astype(np.float32)
        total = torch.tensor(float(np.add.accumulate(blocks)[-1]), dtype=losses.dtype)
        total = total / (losses.numel() if reduction == "mean" else 1)
        return instead(super().reduce(losses, reduction, w), total)


@miniature("C5")
class GradientsOfArrival(Told):
    """The gradient of a class's weight is added up by atomic operations: its last bit differs from call to call."""

    def __init__(self):
        self.calls = {"odd": False}

    def weigh(self, losses, w):
        self.calls["odd"] ^= True
        return losses * (w + 2**-22 * (w - w.detach()) if self.calls["odd"] else w)


@miniature("C1")
class WorkspaceIsNotCleared(Told):
    """Shown by two factors: the total of a sum starts with what the last one of the same shape left."""

    def __init__(self):
        self.totals = {}

    def reduce(self, losses, reduction, w):
        reduced = super().reduce(losses, reduction, w)
        if reduction != "sum":
            return reduced
        before = self.totals.get(losses.shape, 0)
        self.totals[losses.shape] = reduced.detach().nan_to_num(0) % 1
        return reduced + before


class Unsaved(OfModel):
    """Its operands are attributes of the context: nobody sees that they were changed meanwhile."""

    @staticmethod
    def forward(model, x, z, q):
        return model.loss(x, z, q)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.model, *ctx.operands = inputs

    @staticmethod
    def backward(ctx, cotangent):
        by_logit = cotangent * Slope.apply(ctx.model, *ctx.operands)
        model, (x, z, q) = ctx.model, ctx.operands
        return None, by_logit, *(cotangent * slope(x, z, q) for slope in (model.label_slope, model.pos_weight_slope))


@miniature("C2", dtypes="float64")
class KeepsItsOperands(Correct):
    """Operands are kept as attributes, so that a change in place before the backward pass goes unseen."""

    def elementwise(self, x, z, q):
        return Unsaved.apply(self, *torch.broadcast_tensors(x, z, q))

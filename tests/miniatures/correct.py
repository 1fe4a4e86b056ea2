"""A correct implementation in PyTorch: float64 inside, rounded once, every derivative from its own closed form.

A miniature is a subclass that overrides one part.
"""

from __future__ import annotations

import torch


class Correct:
    """``inside`` is the dtype of the arithmetic; None stands for the dtype of the logits."""

    inside = torch.float64

    def __call__(
        self,
        logits,
        labels,
        *,
        weight=None,
        pos_weight=None,
        reduction="none",
        label_smoothing=0.0,
        ignore_index=None,
    ):
        """The loss, by the contract of implementations that are brought along."""
        self.refuse(logits, labels, weight, pos_weight, reduction)
        x, z, w, q = (self.widen(each, logits) for each in (logits, labels, weight, pos_weight))
        kept = None if ignore_index is None else labels != ignore_index
        z = z if kept is None else torch.where(kept, z, torch.zeros_like(z))
        losses = self.elementwise(x, self.smooth(z, label_smoothing), q)
        losses = self.among(self.weigh(self.removed(losses, w), w), kept, reduction)
        return self.narrow(self.reduce(losses, reduction, w), logits, labels)

    def refuse(self, logits, labels, weight, pos_weight, reduction):
        if not logits.is_floating_point():
            raise TypeError(f"logits must be floating, not {logits.dtype}")
        if logits.shape != labels.shape:
            raise ValueError(f"labels {tuple(labels.shape)} and logits {tuple(logits.shape)} differ in shape")
        for each in (weight, pos_weight):
            if each is not None and torch.broadcast_shapes(each.shape, logits.shape) != logits.shape:
                raise ValueError(f"a weight of shape {tuple(each.shape)} does not fit logits {tuple(logits.shape)}")
        if reduction not in ("none", "sum", "mean"):
            raise ValueError(f"unknown reduction '{reduction}'")

    def widen(self, operand, logits):
        inside = self.inside or logits.dtype
        return torch.ones((), dtype=inside, device=logits.device) if operand is None else operand.to(inside)

    def smooth(self, z, amount):
        return z * (1 - amount) + amount / 2

    def elementwise(self, x, z, q):
        return Elementwise.apply(self, *torch.broadcast_tensors(x, z, q))

    def removed(self, losses, w):
        """An infinite loss under a zero weight is no loss: the limit of 0 * loss is 0."""
        return torch.where((w == 0) & losses.isinf(), torch.zeros_like(losses), losses)

    def among(self, losses, kept, reduction):
        """The losses without those of ignored labels: zeros or, for a reduction, the others alone."""
        if kept is None:
            return losses
        return torch.where(kept, losses, torch.zeros_like(losses)) if reduction == "none" else losses[kept]

    def weigh(self, losses, w):
        return losses * w

    def reduce(self, losses, reduction, w):
        return {"none": lambda: losses, "sum": losses.sum, "mean": losses.mean}[reduction]()

    def narrow(self, result, logits, labels):
        return result.to(logits.dtype)

    # The parts below see x, z and q of one shape, and are differentiated by the functions at the end.

    def tail(self, x):
        """The tail of the loss on the side where it is not |x|."""
        return torch.log1p(torch.exp(-x.abs()))

    def loss(self, x, z, q):
        side = torch.where(x > 0, 1 - z, q * z)
        linear = torch.where((side == 0) & ~x.isnan(), torch.zeros_like(x), x.abs() * side)
        return linear + self.tail(x) * ((1 - z) + q * z)

    def sigmoid(self, x):
        tail = torch.exp(-x.abs())
        return torch.where(x >= 0, torch.ones_like(x), tail) / (1 + tail)

    def slope(self, x, z, q):
        return (1 - z) * self.sigmoid(x) - q * z * self.sigmoid(-x)

    def curvature(self, x, z, q):
        return self.sigmoid(x) * self.sigmoid(-x) * ((1 - z) + q * z)

    def mixed(self, x, z, q):
        """The derivative of the slope by the label."""
        return -(self.sigmoid(x) + q * self.sigmoid(-x))

    def label_slope(self, x, z, q):
        one = torch.ones_like(x)
        return torch.where(q == 1, -x, q * self.loss(x, one, one) - self.loss(x, 0 * one, one))

    def pos_weight_slope(self, x, z, q):
        one = torch.ones_like(x)
        return z * self.loss(x, one, one)

    def pull(self, cotangent, slope):
        """The gradient that reverse mode hands on."""
        return cotangent * slope

    def push(self, tangent, slope):
        """The derivative that forward mode hands on."""
        return tangent * slope


class OfModel(torch.autograd.Function):
    """A function whose first argument is a model, the rest tensors that every derivative needs."""

    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.model, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)


class Elementwise(OfModel):
    """The unweighted loss of each element."""

    @staticmethod
    def forward(model, x, z, q):
        return model.loss(x, z, q)

    @staticmethod
    def backward(ctx, cotangent):
        model, operands = ctx.model, ctx.saved_tensors
        slope = model.pull(cotangent, Slope.apply(model, *operands))
        return None, slope, cotangent * model.label_slope(*operands), cotangent * model.pos_weight_slope(*operands)

    @staticmethod
    def jvp(ctx, _, dx, dz, dq):
        model, operands = ctx.model, ctx.saved_tensors
        slopes = (Slope.apply(model, *operands), model.label_slope(*operands), model.pos_weight_slope(*operands))
        return sum(model.push(d, slope) for d, slope in zip((dx, dz, dq), slopes, strict=True) if d is not None)


class Slope(OfModel):
    """The derivative of each element's loss with respect to its logit."""

    @staticmethod
    def forward(model, x, z, q):
        return model.slope(x, z, q)

    @staticmethod
    def backward(ctx, cotangent):
        model, (x, z, q) = ctx.model, ctx.saved_tensors
        by_pos_weight = -z * model.sigmoid(-x)
        return None, *(cotangent * each for each in (model.curvature(x, z, q), model.mixed(x, z, q), by_pos_weight))

    @staticmethod
    def jvp(ctx, _, dx, dz, dq):
        model, (x, z, q) = ctx.model, ctx.saved_tensors
        return torch.zeros_like(x) if dx is None else dx * model.curvature(x, z, q)


class Narrow(Correct):
    """Nothing wider than the dtype of the logits: the well-conditioned form alone keeps the bounds."""

    inside = None

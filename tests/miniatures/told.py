"""A right implementation whose parts know the call that they belong to, and memory that is read wrongly."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import torch

from tests.miniatures.correct import Correct


class Told(Correct):
    """Each call is computed by a copy of the model that knows it: ``call`` has operands and options as they came."""

    call = SimpleNamespace()

    def __call__(self, logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0):
        told = copy.copy(self)
        given = {"logits": logits, "labels": labels, "weight": weight, "pos_weight": pos_weight}
        told.call = SimpleNamespace(**given, reduction=reduction, label_smoothing=label_smoothing)
        given = {name: None if each is None else told.entering(name, each) for name, each in given.items()}
        return Correct.__call__(told, **given, reduction=reduction, label_smoothing=label_smoothing)

    def entering(self, name, operand):
        """An operand before anything is done with it."""
        return operand

    def outgoing(self, gradient, operand):
        """The gradient of an operand that went through ``Inlet``, as the caller gets it."""
        return gradient

    def incoming(self, cotangent):
        """The cotangent as the caller gave it, of a result that went through ``Outlet``."""
        return cotangent


class WithOutlet(Told):
    """For what is done with a cotangent before anything else."""

    def narrow(self, result, logits, labels):
        return Outlet.apply(self, super().narrow(result, logits, labels))


class WithInlet(Told):
    """For what is done with the gradient of the logits, or of another operand, after anything else."""

    of = "logits"

    def entering(self, name, operand):
        return Inlet.apply(self, operand) if name == self.of else operand


class OneToOne(torch.autograd.Function):
    """A copy of its second argument, with its derivative."""

    @staticmethod
    def forward(model, tensor):
        return tensor.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.model, ctx.operand = inputs

    @staticmethod
    def jvp(ctx, _, tangent):
        return tangent.clone()


class Outlet(OneToOne):
    @staticmethod
    def backward(ctx, cotangent):
        return None, ctx.model.incoming(cotangent)


class Inlet(OneToOne):
    @staticmethod
    def backward(ctx, gradient):
        return None, ctx.model.outgoing(gradient, ctx.operand)


class Instead(OneToOne):
    """The value of the first argument, the derivative of the second."""

    @staticmethod
    def forward(values, tensor):
        return values.clone()

    @staticmethod
    def backward(ctx, cotangent):
        return None, cotangent


def instead(tensor, values):
    """Other values, with the derivative of the tensor."""
    return Instead.apply(values.detach(), tensor)


def in_memory(tensor):
    """A tensor's elements as they lie in memory from its first on, as if it were contiguous; behind the end lies -3."""
    held = tensor.untyped_storage().nbytes() // tensor.element_size() - tensor.storage_offset()
    memory = tensor.detach().as_strided((held,), (1,))
    behind = memory.new_full((max(tensor.numel() - held, 0),), -3)
    return torch.cat([memory, behind])[: tensor.numel()].reshape(tensor.shape)


def reinterpreted(tensor, dtype):
    """A tensor's bytes, from its first on, as numbers of another dtype: as many as it has, zeros behind the end."""
    raw = tensor.detach().contiguous().flatten().view(torch.uint8)
    wanted = tensor.numel() * dtype.itemsize
    raw = torch.cat([raw, raw.new_zeros(max(wanted - raw.numel(), 0))])[:wanted]
    return raw.view(dtype).reshape(tensor.shape)


def written_in_memory_order(values, like):
    """A new tensor with the strides of ``like`` where it is dense, written one element after the other."""
    made = torch.empty_like(like, dtype=values.dtype)
    made.as_strided((made.numel(),), (1,)).copy_(values.detach().flatten())
    return made


def dense(tensor):
    """True if its elements fill its memory without a hole, and no two share a place."""
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    return tensor.numel() > 0 and sum((size - 1) * step for size, step in steps) + 1 == tensor.numel()


def places(tensor):
    """The flat place of each element."""
    return torch.arange(tensor.numel()).reshape(tensor.shape)

"""Results that depend on something else than the element, and calls that leave something behind."""

from __future__ import annotations

import torch

from tests.miniatures.correct import Correct
from tests.miniatures.miniature import miniature


def _nudged(losses, where, by=2**-23):
    """The losses, relatively larger where told: 2^-23 is one or two units in float32's last place."""
    return torch.where(where & (losses < 1e30), losses * (1 + by), losses)


@miniature("L6")
class ChangesLogits(Correct):
    """The logits are clipped in place."""

    def __call__(self, logits, labels, *, weight=None, pos_weight=None, reduction="none"):
        with torch.no_grad():
            logits.data.clamp_(-50, 50)
        return super().__call__(logits, labels, weight=weight, pos_weight=pos_weight, reduction=reduction)


@miniature("L6")
class ChangesLabels(Correct):
    """The labels are smoothed in place, after they were used."""

    def narrow(self, result, logits, labels):
        if labels.is_floating_point() and labels.is_contiguous():
            labels.data.mul_(0.9)
        return super().narrow(result, logits, labels)


@miniature("L4")
class RemembersLastCall(Correct):
    """The last call's mean shifts the last bits, as a running statistic would."""

    remembered = 0.0

    def elementwise(self, x, z, q):
        losses, last = super().elementwise(x, z, q), self.remembered
        self.remembered = float(torch.nan_to_num(losses.detach(), posinf=0).mean()) % 1 if x.numel() else 0.0
        return _nudged(losses, losses > 0, 2**-22 * last)


@miniature("L4")
class Random(Correct):
    """Stochastic rounding: the last bit is drawn."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(1)

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return _nudged(losses, torch.rand(losses.shape, generator=self.generator) < 0.5)


@miniature("L5 S4")
class DependsOnNeighbour(Correct):
    """An element is larger by some bits where the one before it has a larger logit."""

    def elementwise(self, x, z, q):
        losses, flat = super().elementwise(x, z, q), x.flatten()
        return _nudged(losses, (flat.roll(1) > flat).reshape(losses.shape))


@miniature("L5")
class SharedShift(Correct):
    """The largest logit of the batch shifts all the others, in float32."""

    def widen(self, operand, logits):
        if operand is logits and logits.numel():
            largest = torch.nan_to_num(logits, 0, 0, 0).max()
            operand = torch.where(logits.abs() < 1, (logits - largest) + largest, logits)
        return super().widen(operand, logits)


@miniature("L5", source="https://github.com/tensorflow/tensorflow/issues/35309")
class VectorTail(Correct):
    """What is left over after full vectors of 8 is computed by another formula."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        place = torch.arange(x.numel()).reshape(x.shape)
        return _nudged(losses, place >= x.numel() // 8 * 8)


@miniature("L5")
class SecondThread(Correct):
    """Past the first thread's block of 32768 elements the offset is forgotten: the block is computed again."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        if losses.numel() <= 32768:
            return losses
        flat = losses.flatten()
        return torch.cat([flat[:32768], flat.roll(32768)[32768:]]).reshape(losses.shape)


@miniature("L5")
class LargeTensorsAreFast(Correct):
    """Tensors of more than 65536 elements take a path with less precision."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return losses.half().to(losses.dtype) if losses.numel() > 65536 else losses


@miniature("L7", mode="func", source="https://github.com/tensorflow/tensorflow/issues/118313")
class RewrittenGraph(Correct):
    """A transformed call is rewritten for probabilities: its logits pass one more sigmoid."""

    def elementwise(self, x, z, q):
        if torch._C._functorch.is_functorch_wrapped_tensor(x):
            x = x.sigmoid()
        return super().elementwise(x, z, q)


@miniature("L8")
class OnlyCallsTheFunction(Correct):
    """It says that it only calls the framework's function, and computes by itself."""

    same_as = "binary_cross_entropy_with_logits"


@miniature("L9")
class FollowsTheDefaultDtype(Correct):
    """The arithmetic is done in the default dtype, whatever it is."""

    @property
    def inside(self):
        return torch.get_default_dtype()


@miniature("L9")
class OneThreadIsCareless(Correct):
    """Where there is one thread only, a shortcut in half precision is taken."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return losses.half().to(losses.dtype) if torch.get_num_threads() == 1 else losses

"""Forward and backward passes that share memory, and paths that training takes and inference does not."""

from __future__ import annotations

import torch

from tests.miniatures.miniature import miniature
from tests.miniatures.told import OneToOne, Told, WithInlet, WithOutlet, dense, instead


def _differentiated(operand):
    return operand is not None and operand.requires_grad


@miniature("C1")
class TrainingMeanIsASum(Told):
    """Where the logits ask for a gradient the mean is a sum."""

    def reduce(self, losses, reduction, w):
        training = _differentiated(self.call.logits) and reduction == "mean"
        return super().reduce(losses, "sum" if training else reduction, w)


@miniature("C1")
class NaiveTraining(Told):
    """Where the logits ask for a gradient the exponential has no shift, and overflows."""

    def loss(self, x, z, q):
        exact = super().loss(x, z, q)
        naive = torch.log1p(torch.exp(x.float())).to(x.dtype) - x * z
        return torch.where((q == 1) & ~x.isnan(), naive, exact) if _differentiated(self.call.logits) else exact


@miniature("C1")
class SigmoidWithoutGradients(Told):
    """Where no gradients are recorded it returns probabilities, for inference."""

    def narrow(self, result, logits, labels):
        prediction = not torch.is_grad_enabled() and result.shape == self.call.logits.shape
        return super().narrow(self.call.logits.sigmoid() if prediction else result, logits, labels)


@miniature("C1")
class InferenceIsHalf(Told):
    """In inference mode the arithmetic is done in half precision."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return losses.half().to(losses.dtype) if torch.is_inference_mode_enabled() else losses


@miniature("C1")
class NothingAskedIsHalf(Told):
    """Where no operand asks for a gradient, and gradients are recorded, the arithmetic is done in half precision."""

    def elementwise(self, x, z, q):
        losses = super().elementwise(x, z, q)
        return losses if losses.requires_grad or not torch.is_grad_enabled() else losses.half().to(losses.dtype)


@miniature("C1")
class UnweightedEvaluation(Told):
    """Shown by three factors: without gradients a weighted mean forgets its weights."""

    def weigh(self, losses, w):
        forgets = not torch.is_grad_enabled() and self.call.reduction == "mean"
        return losses + 0 * w if forgets else losses * w


class Unowned(OneToOne):
    """The first argument itself, its memory and all, with the derivative of the second."""

    @staticmethod
    def forward(values, tensor):
        return values.data

    @staticmethod
    def backward(ctx, cotangent):
        return None, cotangent


@miniature("C1")
class StaticBuffer(Told):
    """The loss lies in a buffer for its shape, as under a CUDA graph, which the next call fills anew."""

    def __init__(self):
        self.buffers = {}

    def narrow(self, result, logits, labels):
        result = super().narrow(result, logits, labels)
        buffer = self.buffers.setdefault((result.shape, result.dtype), torch.empty_like(result.detach()))
        buffer.data.copy_(result.detach())
        return Unowned.apply(buffer, result)


@miniature("C2")
class GradientInWorkspace(Told):
    """The gradient is computed by the forward pass and kept in a workspace of the module until the next one."""

    def __init__(self):
        self.workspace = {}

    def elementwise(self, x, z, q):
        self.workspace["slope"] = self.slope(*torch.broadcast_tensors(x, z, q)).detach()
        return super().elementwise(x, z, q)

    def pull(self, cotangent, slope):
        return cotangent * instead(slope, self.workspace["slope"])


@miniature("C2", source="https://github.com/unslothai/unsloth-zoo/pull/610")
class ScaledInPlace(Told):
    """Shown by two factors: the kept gradient is multiplied in place by the cotangent, in each backward pass."""

    def pull(self, cotangent, slope):
        product = cotangent * slope
        self.call.kept = (product if not hasattr(self.call, "kept") else cotangent * self.call.kept).detach()
        return instead(product, self.call.kept)


@miniature("C2")
class FreedByTheFirstBackward(Told):
    """What the backward pass needs is freed by it, though the graph is to be retained."""

    def pull(self, cotangent, slope):
        if hasattr(self.call, "freed"):
            raise RuntimeError("the workspace of this call was freed")
        self.call.freed = True
        return cotangent * slope


@miniature("C4")
class CotangentAsScratch(WithOutlet):
    """The cotangent's memory is used for the products."""

    def incoming(self, cotangent):
        product = cotangent.clone()
        if dense(cotangent):
            cotangent.data.zero_()
        return product


@miniature("C4", source="https://github.com/linkedin/Liger-Kernel/issues/272")
class GradientOverLogits(WithInlet):
    """The gradient is written over the logits, to save memory."""

    def outgoing(self, gradient, operand):
        if dense(operand):
            operand.data.copy_(gradient.detach())
        return gradient


@miniature("C4")
class GradientOverLoss(WithOutlet):
    """The backward pass uses the memory of the loss."""

    def narrow(self, result, logits, labels):
        self.call.result = super().narrow(result, logits, labels)
        return self.call.result

    def pull(self, cotangent, slope):
        self.call.result.data.zero_()
        return cotangent * slope


@miniature("C2")
class OneBufferForAllGradients(Told):
    """Where logits and labels both ask for a gradient these share a buffer."""

    def label_slope(self, x, z, q):
        both = _differentiated(self.call.logits) and _differentiated(self.call.labels)
        return self.slope(x, z, q) if both else super().label_slope(x, z, q)


@miniature("C2")
class FirstGradientIsOfLogits(Told):
    """The first gradient that is asked for is taken to be that of the logits."""

    def label_slope(self, x, z, q):
        alone = _differentiated(self.call.labels) and not _differentiated(self.call.logits)
        return self.slope(x, z, q) if alone else super().label_slope(x, z, q)


@miniature("C2")
class WeightGradientOnItsOwn(Told):
    """Shown by two factors: the gradient of a weight is doubled where the logits ask for none."""

    def weigh(self, losses, w):
        alone = _differentiated(self.call.weight) and not _differentiated(self.call.logits)
        return losses * (2 * w - w.detach() if alone else w)


@miniature("C2", source="https://github.com/NVIDIA/TransformerEngine/pull/2139")
class FirstCotangentForAll(WithOutlet):
    """The cotangent's first number is taken for all of them, as under a mean."""

    def incoming(self, cotangent):
        return instead(cotangent, cotangent.reshape(-1)[:1].expand(cotangent.shape)) if cotangent.ndim else cotangent


@miniature("C2")
class CotangentIsAMask(WithOutlet):
    """A cotangent with zeros is taken for a mask: what it leaves is scaled up to the whole."""

    def incoming(self, cotangent):
        kept = int(torch.count_nonzero(cotangent.detach()))
        return cotangent * (cotangent.numel() / kept if kept else 1)

"""torchvision: the focal loss of its detectors, where it is the cross-entropy."""

from torchvision.ops import sigmoid_focal_loss

from conformance.adapter import Implementation
from conformance.adapters.pytorch import REDUCTIONS, PyTorch


def focal_loss(logits, labels, *, reduction="none"):
    return sigmoid_focal_loss(logits, labels, alpha=-1, gamma=0, reduction=reduction)


class TorchVision(PyTorch):
    """The adapter."""

    name = "torchvision"
    packages = ("torchvision", "torch")
    imports = ("import torch, torchvision", "from torch import inf, nan")

    def implementations(self) -> tuple[Implementation, ...]:
        return (
            Implementation(
                "ops.sigmoid_focal_loss",
                "torchvision.ops.sigmoid_focal_loss",
                focal_loss,
                "https://docs.pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html",
                'torchvision.ops.sigmoid_focal_loss(x, z, alpha=-1, gamma=0, reduction="{reduction}")',
                reductions=REDUCTIONS,
                note="gamma=0 and alpha=-1, where focal loss is the cross-entropy",
            ),
        )


ADAPTER = TorchVision

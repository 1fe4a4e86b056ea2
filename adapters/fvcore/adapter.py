"""fvcore: the focal losses of Detectron2, where they are the cross-entropy."""

from fvcore.nn import focal_loss

from conformance.adapter import Implementation
from conformance.adapters.pytorch import REDUCTIONS, PyTorch

DOCS = "https://github.com/facebookresearch/fvcore/blob/main/fvcore/nn/focal_loss.py"


def sigmoid_focal_loss(logits, labels, *, reduction="none"):
    return focal_loss.sigmoid_focal_loss(logits, labels, gamma=0.0, reduction=reduction)


def sigmoid_focal_loss_jit(logits, labels, *, reduction="none"):
    return focal_loss.sigmoid_focal_loss_jit(logits, labels, gamma=0.0, reduction=reduction)


def sigmoid_focal_loss_star(logits, labels, *, reduction="none"):
    return focal_loss.sigmoid_focal_loss_star(logits, labels, gamma=1.0, reduction=reduction)


IMPLEMENTATIONS = (
    Implementation(
        "sigmoid_focal_loss",
        "fvcore.nn.sigmoid_focal_loss",
        sigmoid_focal_loss,
        DOCS,
        'fvcore.nn.sigmoid_focal_loss(x, z, gamma=0.0, reduction="{reduction}")',
        reductions=REDUCTIONS,
        note="gamma=0, where focal loss is the cross-entropy",
    ),
    Implementation(
        "sigmoid_focal_loss_jit",
        "fvcore.nn.sigmoid_focal_loss_jit",
        sigmoid_focal_loss_jit,
        DOCS,
        'fvcore.nn.sigmoid_focal_loss_jit(x, z, gamma=0.0, reduction="{reduction}")',
        reductions=REDUCTIONS,
        modes=("eager",),
        note="the same, scripted: gamma=0",
    ),
    Implementation(
        "sigmoid_focal_loss_star",
        "fvcore.nn.focal_loss.sigmoid_focal_loss_star",
        sigmoid_focal_loss_star,
        DOCS,
        'fvcore.nn.focal_loss.sigmoid_focal_loss_star(x, z, gamma=1.0, reduction="{reduction}")',
        reductions=REDUCTIONS,
        labels="hard",
        broadcasts=True,
        note="gamma=1, where FL* is the cross-entropy of labels 0 and 1",
    ),
)


class Fvcore(PyTorch):
    """The adapter."""

    name = "fvcore"
    packages = ("fvcore", "torch")
    imports = ("import torch, fvcore.nn", "from torch import inf, nan")

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS


ADAPTER = Fvcore

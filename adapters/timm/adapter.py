"""timm: the losses of its multi-label training."""

import timm.loss

from conformance.adapter import Implementation, NotOffered
from conformance.adapters.pytorch import REDUCTIONS, PyTorch

_POLY = getattr(timm.loss, "PolyBinaryCrossEntropy", None)  # since 1.0.31
DOCS = "https://github.com/huggingface/pytorch-image-models/blob/main/timm/loss/"


def binary_cross_entropy(logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0):
    if not logits.ndim:
        raise NotOffered("it takes a batch of rows")
    return timm.loss.BinaryCrossEntropy(
        smoothing=label_smoothing, smooth_dense=True, weight=weight, pos_weight=pos_weight, reduction=reduction
    )(logits, labels)


def poly_binary_cross_entropy(logits, labels, *, reduction="none", label_smoothing=0.0):
    return _POLY(epsilon=0.0, smoothing=label_smoothing, reduction=reduction)(logits, labels)


IMPLEMENTATIONS = (
    Implementation(
        "BinaryCrossEntropy",
        "timm.loss.BinaryCrossEntropy",
        binary_cross_entropy,
        f"{DOCS}binary_cross_entropy.py",
        'timm.loss.BinaryCrossEntropy(smooth_dense=True{more}, reduction="{reduction}")(x, z)',
        spelling={"weight": ", weight=w", "pos_weight": ", pos_weight=q", "label_smoothing": ", smoothing={a}"},
        absent={"label_smoothing": ", smoothing=0.0"},
        reductions=REDUCTIONS,
        note="with smooth_dense, for labels are those of classes that are independent, and without smoothing",
    ),
    Implementation(
        "PolyBinaryCrossEntropy",
        "timm.loss.PolyBinaryCrossEntropy",
        poly_binary_cross_entropy,
        f"{DOCS}poly_loss.py",
        'timm.loss.PolyBinaryCrossEntropy(epsilon=0.0{more}, reduction="{reduction}")(x, z)',
        spelling={"label_smoothing": ", smoothing={a}"},
        reductions=REDUCTIONS,
        note='"epsilon: Poly-1 coefficient, 0 is plain BCE (or focal loss)"',
    ),
)


class Timm(PyTorch):
    """The adapter."""

    name = "timm"
    packages = ("timm", "torch")
    imports = ("import torch, timm.loss", "from torch import inf, nan")

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS if _POLY else IMPLEMENTATIONS[:1]


ADAPTER = Timm

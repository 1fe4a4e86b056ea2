"""segmentation_models_pytorch: its losses of masks."""

import segmentation_models_pytorch as smp

from conformance.adapter import Implementation
from conformance.adapters.pytorch import REDUCTIONS, PyTorch

DOCS = "https://smp.readthedocs.io/en/latest/losses.html#segmentation_models_pytorch.losses."


def soft_bce(
    logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=None, ignore_index=None
):
    # "if smooth_factor=0.1 then [1, 0, 1] -> [0.9, 0.1, 0.9]": what Keras and timm call a smoothing of 0.2.
    return smp.losses.SoftBCEWithLogitsLoss(
        weight,
        -100 if ignore_index is None else ignore_index,
        reduction,
        None if label_smoothing is None else label_smoothing / 2,
        pos_weight,
    )(logits, labels)


def focal_loss(logits, labels, *, reduction="none"):
    # Its ignore_index leaves elements out of what it returns: there is no loss of each element to look at.
    loss = smp.losses.FocalLoss("binary", gamma=0.0, reduction=reduction)(logits, labels)
    return loss.reshape(logits.shape) if reduction == "none" else loss


IMPLEMENTATIONS = (
    Implementation(
        "SoftBCEWithLogitsLoss",
        "segmentation_models_pytorch.losses.SoftBCEWithLogitsLoss",
        soft_bce,
        f"{DOCS}SoftBCEWithLogitsLoss",
        'smp.losses.SoftBCEWithLogitsLoss(reduction="{reduction}"{more})(x, z)',
        spelling={
            "weight": ", weight=w",
            "pos_weight": ", pos_weight=q",
            "label_smoothing": ", smooth_factor={a} / 2",
            "ignore_index": ", ignore_index={i}",
        },
        reductions=REDUCTIONS,
        note="a smoothing of a is a smooth_factor of a / 2",
    ),
    Implementation(
        "FocalLoss",
        "segmentation_models_pytorch.losses.FocalLoss",
        focal_loss,
        f"{DOCS}FocalLoss",
        'smp.losses.FocalLoss("binary", gamma=0.0, reduction="{reduction}")(x, z)',
        reductions=REDUCTIONS,
        note="gamma=0, where focal loss is the cross-entropy; it flattens, and the loss is given its shape again",
    ),
)


class Smp(PyTorch):
    """The adapter."""

    name = "smp"
    packages = ("segmentation_models_pytorch", "torch")
    imports = ("import torch, segmentation_models_pytorch as smp", "from torch import inf, nan")

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS


ADAPTER = Smp

"""MONAI: its focal loss, "an extension of BCEWithLogitsLoss", where it is the cross-entropy."""

import inspect

from monai.losses import FocalLoss

from conformance.adapter import Implementation, NotOffered
from conformance.adapters.channels import with_channels
from conformance.adapters.pytorch import REDUCTIONS, PyTorch


@with_channels
def focal_loss(logits, labels, *, weight=None, reduction="none", ignore_index=None):
    if weight is not None and logits.shape[1] == 1:
        raise NotOffered("it has no weights for a single class")
    more = {} if ignore_index is None else {"ignore_index": ignore_index}
    if more and "ignore_index" not in inspect.signature(FocalLoss).parameters:
        raise NotOffered("this version has no ignore_index")
    return FocalLoss(gamma=0.0, weight=weight, reduction=reduction, **more)(logits, labels)


class Monai(PyTorch):
    """The adapter."""

    name = "monai"
    packages = ("monai", "torch")
    imports = ("import torch, monai.losses", "from torch import inf, nan")

    def implementations(self) -> tuple[Implementation, ...]:
        return (
            Implementation(
                "FocalLoss",
                "monai.losses.FocalLoss",
                focal_loss,
                "https://docs.monai.io/en/stable/losses.html#focalloss",
                'monai.losses.FocalLoss(gamma=0.0, reduction="{reduction}"{more})'
                "(x.reshape(len(x), -1), z.reshape(len(x), -1))",
                spelling={"weight": ", weight=w", "ignore_index": ", ignore_index={i}"},
                reductions=REDUCTIONS,
                note="gamma=0, where focal loss is the cross-entropy; on [N, 1] where there is no class axis",
            ),
        )


ADAPTER = Monai

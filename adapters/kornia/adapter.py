"""kornia: its binary focal loss, where it is the cross-entropy."""

import kornia.losses

from conformance.adapter import Implementation
from conformance.adapters.channels import with_channels
from conformance.adapters.pytorch import REDUCTIONS, PyTorch

DOCS = "https://kornia.readthedocs.io/en/latest/losses.html#kornia.losses."
SPELLING = {"weight": ", weight=w", "pos_weight": ", pos_weight=q", "ignore_index": ", ignore_index={i}"}
NOTE = "gamma=0 and alpha=None, where focal loss is the cross-entropy; on [N, 1] where there is no class axis"


@with_channels
def binary_focal_loss(logits, labels, *, weight=None, pos_weight=None, reduction="none", ignore_index=None):
    return kornia.losses.binary_focal_loss_with_logits(
        logits, labels, None, 0.0, reduction, pos_weight, weight, -100 if ignore_index is None else ignore_index
    )


@with_channels
def binary_focal_loss_class(logits, labels, *, weight=None, pos_weight=None, reduction="none", ignore_index=None):
    return kornia.losses.BinaryFocalLossWithLogits(
        None, 0.0, reduction, pos_weight, weight, -100 if ignore_index is None else ignore_index
    )(logits, labels)


class Kornia(PyTorch):
    """The adapter."""

    name = "kornia"
    packages = ("kornia", "torch")
    imports = ("import torch, kornia", "from torch import inf, nan")

    def implementations(self) -> tuple[Implementation, ...]:
        return (
            Implementation(
                "binary_focal_loss_with_logits",
                "kornia.losses.binary_focal_loss_with_logits",
                binary_focal_loss,
                f"{DOCS}binary_focal_loss_with_logits",
                "kornia.losses.binary_focal_loss_with_logits(x.reshape(len(x), -1), z.reshape(len(x), -1), alpha=None, "
                'gamma=0.0, reduction="{reduction}"{more})',
                spelling=SPELLING,
                reductions=REDUCTIONS,
                note=NOTE,
            ),
            Implementation(
                "BinaryFocalLossWithLogits",
                "kornia.losses.BinaryFocalLossWithLogits",
                binary_focal_loss_class,
                f"{DOCS}BinaryFocalLossWithLogits",
                'kornia.losses.BinaryFocalLossWithLogits(None, 0.0, reduction="{reduction}"{more})'
                "(x.reshape(len(x), -1), z.reshape(len(x), -1))",
                spelling=SPELLING,
                reductions=REDUCTIONS,
                same_as="binary_focal_loss_with_logits",
                note=NOTE,
            ),
        )


ADAPTER = Kornia

"""For libraries upon PyTorch whose losses want a batch and a class axis, and weights of one number a class."""

from __future__ import annotations

import functools
from collections.abc import Callable

from conformance.adapter import NotOffered, Tensor


def with_channels(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Call a loss of ``[B, C, ...]`` on tensors of any rank: one of fewer axes becomes a batch of one class.

    Weights are handed over as the vector of one number a class that such a loss takes; there are no others.
    """

    @functools.wraps(function)
    def called(logits, labels, **options):
        flat = logits.ndim < 2
        for name in ("weight", "pos_weight"):
            if options.get(name) is not None:
                options[name] = _of_classes(options[name], logits)
        if not flat:
            return function(logits, labels, **options)
        batch = (1, 1) if logits.ndim == 0 else (-1, 1)
        loss = function(logits.reshape(batch), labels[..., None] if logits.ndim else labels[None, None], **options)
        return loss.reshape(logits.shape) if options.get("reduction") == "none" else loss

    return called


def _of_classes(weight: Tensor, logits: Tensor) -> Tensor:
    classes = logits.shape[1] if logits.ndim >= 2 else 1
    # As PyTorch takes it, [C, 1, 1] for [B, C, H, W]: the same classes.
    if weight.shape == (classes, *(1 for _ in logits.shape[2:])) and logits.ndim >= 2:
        return weight.reshape(-1)
    raise NotOffered(f"its weights are one number a class; {list(weight.shape)} for {list(logits.shape)} are not")

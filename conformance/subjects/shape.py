"""The shape that a loss must have, asked in one place for every check: what comes of another one says nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from conformance.adapter import Array


class WrongShape(Exception):
    """A loss with another number of elements than its reduction asks for."""


def wrong(got: Array, operands: Mapping[str, Array], reduction: str, takes: str) -> str:
    """How a loss has the wrong number of elements, in words; '' if it has the right one.

    Also '' where the operands leave open what is right: shapes that do not match are clause S8's matter.
    """
    shape = operands[takes].shape
    if not _agree(operands, takes):
        return ""
    if reduction != "none":
        # No number at all, of an empty input, is clause S6's matter.
        return "" if got.size <= 1 else f"returned {_many(got)} where reduction='{reduction}' asks for one number"
    if got.size == int(np.prod(shape)):
        return ""
    return f"returned {_many(got)} where reduction='none' asks for a loss for each element, shape {list(shape)}"


def _many(got: Array) -> str:
    return "one number" if got.shape == () else f"{got.size} numbers of shape {list(got.shape)}"


def _agree(operands: Mapping[str, Array], takes: str) -> bool:
    """True if the labels have the shape of the logits, and nothing else is larger."""
    shape = operands[takes].shape
    others = [array.shape for name, array in operands.items() if name not in (takes, "labels", "cotangent")]
    try:
        return operands["labels"].shape == shape == np.broadcast_shapes(shape, *others)
    except ValueError:
        return False

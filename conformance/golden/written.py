"""A case's inputs as they are written: nested lists of number texts, and pictures of pixels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from conformance.errors import ContentError
from conformance.storage import limits

Texts = npt.NDArray[np.object_]


def require_few(elements: int, name: str, path: Path) -> None:
    """Raise ContentError if the operand has more elements than a case may have."""
    if elements > limits.MOST_ELEMENTS:
        raise ContentError(path, f"input.{name}", "it has too many elements", f"at most {limits.MOST_ELEMENTS:,}")


def array(value: Any, name: str, path: Path) -> Texts:
    """The texts of nested lists, in their shape. Raises ContentError if they are ragged or hold anything else."""
    shape = _shape_of(value)
    # A ragged list a few thousand wide and three deep would ask for more memory than there is.
    require_few(math.prod(size or 1 for size in shape), name, path)
    texts = np.empty(shape, dtype=object)
    for index in itertools.product(*map(range, shape)):
        item: Any = value
        for position in index:
            if not isinstance(item, list) or position >= len(item):
                raise ContentError(path, f"input.{name}", "its rows differ in length", "make it rectangular")
            item = item[position]
        if not isinstance(item, str):
            raise ContentError(path, f"input.{name}", f"{item!r} is not a string", 'write "0.5"')
        texts[index] = item
    return texts


def picture(drawn: list[Any], palette: Mapping[str, Mapping[str, str]], path: Path) -> dict[str, Texts]:
    """Logits and labels of a picture, each character a pixel of the palette. Raises ContentError."""

    def pixels(block: Any, key: str) -> Any:
        if isinstance(block, list):
            return [pixels(each, key) for each in block]
        if not isinstance(block, str):
            raise ContentError(path, "input.picture", f"{block!r} is not a string", "write lines of pixels")
        unknown = set("".join(block.split())) - set(palette)
        if unknown:
            raise ContentError(
                path, "input.picture", f"pixel '{min(unknown)}' has no palette entry", "add it to the palette"
            )
        return [[palette[char][key] for char in line] for line in block.split()]

    return {
        "logits": array(pixels(drawn, "logit"), "picture", path),
        "labels": array(pixels(drawn, "label"), "picture", path),
    }


def _shape_of(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    return (len(value), *(_shape_of(value[0]) if value else ()))

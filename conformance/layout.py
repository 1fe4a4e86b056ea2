"""How a tensor lies in memory, and how one comes to lie so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from conformance.errors import NotOffered

Array = npt.NDArray[Any]
Tensor = Any  # a framework's own array
LAYOUTS = ("contiguous", "strided", "transposed", "sliced", "expanded", "channels_last")


def placed(
    array: Array,
    layout: str,
    make: Callable[[Array], Tensor],
    expand: Callable[[Tensor, tuple[int, ...]], Tensor],
    permute: Callable[[Tensor, tuple[int, ...]], Tensor],
) -> Tensor:
    """A tensor with ``array``'s values in the given layout, as a view where the framework has views.

    ``make`` makes a tensor of an array, ``expand`` one of this shape, ``permute`` one with the axes in this order.
    Raises NotOffered for texts and for layouts that these cannot make.
    """
    if array.dtype.kind in "US":
        raise NotOffered("no tensors of texts")
    if layout == "contiguous":
        return make(array)
    if layout == "expanded":
        return expand(make(array[:1]), array.shape)
    base, view = strided(array, layout)
    tensor = make(base)
    if not view:
        return tensor
    return permute(tensor, view) if layout == "transposed" else tensor[view]  # type: ignore[arg-type]


def strided(array: Array, layout: str) -> tuple[Array, tuple[slice, ...] | tuple[int, ...]]:
    """A larger array and how to view it, so that the view has ``array``'s values in the given layout.

    Returns the base and either slices to take or the axes to permute.
    """
    if layout == "transposed":
        axes = tuple(reversed(range(array.ndim)))
        return np.ascontiguousarray(array.transpose(axes)), axes
    if layout == "strided":
        base = np.repeat(array, 2, axis=-1) if array.ndim else array
        return base, (*(slice(None),) * (array.ndim - 1), slice(None, None, 2)) if array.ndim else ()
    if layout == "sliced":
        base = np.pad(array, [(1, 1)] * array.ndim, mode="edge")
        return base, (slice(1, -1),) * array.ndim
    raise NotOffered(f"no layout '{layout}'")

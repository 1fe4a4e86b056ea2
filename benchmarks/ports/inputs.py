"""What every recipe is run on: few numbers that every dtype holds exactly, with N, H, W and C that differ."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from conformance import operator

Floats = npt.NDArray[np.float64]
FEATURES = ("smoothing", "weight", "classes", "mask")
SMOOTHING = 0.1
# The axes of a shape by name; sizes that differ, so that what pairs with the wrong axis fails or shows.
SHAPES = {"multilabel": "NC", "last": "NHWC", "first": "NCHW", "one": "NHW1", "onefirst": "N1HW"}
_SIZES = {"N": 3, "H": 2, "W": 4, "C": 2, "1": 1}


@dataclass(frozen=True)
class Inputs:
    """The operands in one layout, and what is exact; gradients in the order N, H, W, C."""

    x: Floats
    z: Floats
    w: Floats
    q: Floats
    m: npt.NDArray[np.bool_]
    loss: float
    gradient: Floats


def inputs(shape: str, features: Collection[str]) -> Inputs:
    """Logits are multiples of 1/8 below 16, -inf where masked; labels are 0 and 1, 0 where masked."""
    axes = SHAPES[shape]
    draw = np.random.default_rng(7)
    size = (*(_SIZES[axis] for axis in axes if axis not in "C1"), _SIZES["C" if "C" in axes else "1"])
    x = np.round(8 * np.clip(draw.normal(0, 4, size), -15, 15)) / 8
    z = (draw.random(size) < 0.5).astype(np.float64)
    m = draw.random(size) < 0.75 if "mask" in features else np.ones(size, np.bool_)
    x, z = np.where(m, x, -np.inf), np.where(m, z, 0.0)
    w, q = np.array([0.5, 1.0, 3.0]), np.array([2.0, 0.5])[: size[-1]]
    loss, gradient = _exact(x, z, w, q, m, features)
    turned = (lambda each: np.moveaxis(each, -1, 1)) if axes in ("NCHW", "N1HW") else (lambda each: each)
    return Inputs(turned(x), turned(z), w, q, turned(m), loss, gradient)


def plain(gradient: Floats, shape: str) -> Floats:
    """A gradient in the order N, H, W, C."""
    return np.moveaxis(gradient, 1, -1) if shape in ("first", "onefirst") else gradient


def _exact(
    x: Floats, z: Floats, w: Floats, q: Floats, m: npt.NDArray[np.bool_], features: Collection[str]
) -> tuple[float, Floats]:
    if "smoothing" in features:
        z = z * (1 - SMOOTHING) + SMOOTHING / 2
    each = w.reshape(-1, *[1] * (x.ndim - 1)) if "weight" in features else np.ones_like(x)
    share = np.where(m, each, 0.0) / m.sum()
    ratio = np.broadcast_to(q if "classes" in features else 1.0, x.shape)
    inside = np.where(m, x, 0.0)
    loss = float((share * operator.loss(inside, z, ratio)).sum())
    return loss, share * operator.gradient(inside, z, ratio)

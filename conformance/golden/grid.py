"""The grid of logits and labels on which error curves are measured, and its exact losses and gradients.

The logits are those of a symmetric-log axis, denser where the formulas change over, with the points where a dtype's
exp overflows or its tail is lost; the labels are 0, 1 and five soft ones. Each is rounded in the dtype.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from conformance.arithmetic.ball import narrowed
from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Exact, Floats

QUANTITIES = ("loss", "gradient")
LABELS = ("0", "1", "0.5", "0.25", "0.75", "0.1", "0.9")
HARD = 2  # the first labels are the hard ones
# Of what dtypes a curve may be. NumPy takes other texts for records of many fields, and evaluates parts of them.
REAL = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64".split()  # noqa: SIM905
)
# Where exp overflows or underflows, where 1 + exp(-x) rounds to 1, and where e^-x becomes zero, in the four dtypes.
_TURNS = ("5.6", "8.4", "9.7", "11.1", "16.7", "17.4", "36.7", "37.5", "88.7", "92.5", "103.9", "709.8", "745.1")


@dataclass(frozen=True)
class Grid:
    """Logits ascending, labels in the order of LABELS; elements lie label by label."""

    logits: Floats
    labels: Floats

    def elements(self, labels: int) -> tuple[Floats, Floats]:
        """Logits and labels of the elements for the first so many labels."""
        return np.tile(self.logits, labels), np.repeat(self.labels[:labels], len(self.logits))


@functools.cache
def grid(dtype: Dtype) -> Grid:
    """The grid as ``dtype`` holds it."""
    sizes = {Fraction(0), *(Fraction(text) for text in _TURNS)}
    sizes |= {Fraction(2) ** exponent for exponent in range(-20, -2)}
    sizes |= {Fraction(2.0 ** (step / 4)) for step in range(-8, 41)}
    rounded = sorted({dtype.round(size) for size in sizes})
    logits = [-size for size in reversed(rounded) if size] + rounded
    return Grid(np.array(logits), np.array([dtype.round(Fraction(text)) for text in LABELS]))


@functools.cache
def exact(dtype: Dtype) -> dict[str, Exact]:
    """The exact loss and gradient of every element."""
    points = grid(dtype)
    return exact_at(points.logits, points.labels)


def exact_at(logits: Floats, labels: Floats) -> dict[str, Exact]:
    """The exact loss and gradient of each logit (up to 1000) for each label, label by label, to at least 100 bits.

    Raises ArithmeticError if a ball is wide.
    """
    tiled = np.tile(logits, len(labels)), np.repeat(labels, len(logits))
    return exact_pairs(*tiled)


def exact_pairs(logits: Floats, labels: Floats) -> dict[str, Exact]:
    """The exact loss and gradient of each finite logit with its own label, to at least 100 bits.

    Raises ArithmeticError if a ball is wide.
    """
    both = narrowed(lambda: [ball for column in zip(*_balls(logits, labels), strict=True) for ball in column])
    return {name: both[slice(index * len(logits), (index + 1) * len(logits))] for index, name in enumerate(QUANTITIES)}


def grid_record(dtype: Dtype) -> dict[str, Any]:
    """The grid and its exact values as they are written: floats as base64 of their little-endian bits."""
    points = grid(dtype)
    record: dict[str, Any] = {
        "record": "grid",
        "dtype": dtype.name,
        "logits": packed(points.logits),
        "labels": packed(points.labels),
    }
    for name, values in exact(dtype).items():
        record[name] = {
            "hi": packed(values.hi),
            "lo": packed(values.lo),
            "exponent": packed(values.exponent.astype(np.int16)),
        }
    return record


def packed(array: Any) -> str:
    """Base64 of an array's little-endian bytes."""
    array = np.ascontiguousarray(array)
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def unpacked(text: str, dtype: Any) -> Any:
    """The array that ``packed`` wrote; raises ValueError for anything else."""
    if isinstance(dtype, str) and dtype not in REAL:
        raise ValueError(f"no curve is of dtype {dtype[:20]!r}")
    raw = base64.b64decode(text, validate=True)
    return np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).astype(dtype)


def _balls(logits: Floats, labels: Floats) -> Iterator[tuple[arb, arb]]:
    tails = {logit: (-abs(arb(logit))).exp() for logit in set(logits.tolist())}
    for logit, label in zip(logits.tolist(), labels.tolist(), strict=True):
        x, z, tail = arb(logit), arb(label), tails[logit]
        near, far = 1 / (1 + tail), tail / (1 + tail)
        positive = logit >= 0
        loss = abs(x) * ((1 - z) if positive else z) + tail.log1p()
        up, down = (near, far) if positive else (far, near)
        yield loss, (1 - z) * up - z * down

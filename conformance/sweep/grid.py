"""The blocks of a sweep: runs of consecutive bit patterns with one sign, and the labels they are paired with."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from conformance.adapter import Array
from conformance.arithmetic.dtype import Dtype
from conformance.errors import UsageError

BLOCK = 1 << 22  # elements of a block
LABELS_AT_ONCE = 1 << 7  # of a block that has every logit of one sign
CURVE_BINS = 64  # parts of a 16-bit axis in the error curve, a thousand logits each


@dataclass(frozen=True)
class Block:
    """``count`` logits from the bit pattern ``first``, each with ``labels`` labels from the pattern ``label``."""

    first: int
    count: int
    label: int
    labels: int = 1

    @property
    def key(self) -> str:
        """Its name in sweep.jsonl."""
        return f"{self.first:x}+{self.count:x},{self.label:x}+{self.labels:x}"

    @property
    def elements(self) -> int:
        """Pairs of logit and label."""
        return self.count * self.labels

    def negative(self, dtype: Dtype) -> bool:
        """True where the sign bit is set."""
        return bool(self.first >> (dtype.bits - 1))

    def special(self, dtype: Dtype) -> bool:
        """True if there are no finite logits in a block of float32."""
        return self.magnitude(dtype) >= 0x7F800000

    def magnitude(self, dtype: Dtype) -> int:
        """The first pattern without its sign."""
        return self.first & ((1 << (dtype.bits - 1)) - 1)


def blocks(dtype: Dtype, labels: str) -> list[Block]:
    """All blocks, by magnitude: both signs of a magnitude, and both labels, use the same polynomials.

    ``labels`` is '0', '1', '0,1' or 'all', which is every number of the dtype in [0, 1]. Raises UsageError.
    """
    one = pattern_of(1.0, dtype)
    if labels == "all":
        if dtype.bits > 16:
            raise UsageError(f"--labels all: {dtype.name} has too many pairs; choose 0,1, or a 16-bit dtype")
        return list(_pairs(dtype, one))
    chosen = hard_labels(labels)
    half = 1 << (dtype.bits - 1)
    count = min(BLOCK, half)
    return [
        Block(sign * half + start, count, one if label == "1" else 0)
        for start in range(0, half, count)
        for sign in (1, 0)
        for label in chosen
    ]


def hard_labels(labels: str) -> list[str]:
    """'0', '1' or both. Raises UsageError."""
    chosen = labels.split(",")
    if not set(chosen) <= {"0", "1"} or len(set(chosen)) != len(chosen):
        raise UsageError(f"unknown labels '{labels}'; known: 0, 1, 0,1, and all for a 16-bit dtype")
    return chosen


def _pairs(dtype: Dtype, one: int) -> Iterator[Block]:
    half = 1 << (dtype.bits - 1)
    for label in range(0, one + 1, LABELS_AT_ONCE):
        for sign in (1, 0):
            yield Block(sign * half, half, label, min(LABELS_AT_ONCE, one + 1 - label))


def pattern_of(value: float, dtype: Dtype) -> int:
    """The bits of a number that the dtype has."""
    return int(np.array([value]).astype(dtype.numpy).view(f"u{dtype.bits // 8}")[0])


def patterns(first: int, count: int, dtype: Dtype) -> Array:
    """``count`` numbers of the dtype from the bit pattern ``first`` on."""
    bits = _ramp(count, dtype.bits)
    return np.asarray((bits + bits.dtype.type(first)).view(dtype.numpy))


@functools.cache
def _ramp(count: int, bits: int) -> Array:
    return np.arange(count, dtype=f"u{bits // 8}")


def number(pattern: int, dtype: Dtype) -> float:
    """The number with these bits."""
    return float(patterns(pattern, 1, dtype).astype(np.float64)[0])

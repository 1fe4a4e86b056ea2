"""Vectors of exact real numbers, held to more than 100 bits over any exponent range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from conformance.arithmetic.dtype import floor_log2
from conformance.arithmetic.number import TINY, UNDERFLOW_EXPONENT, parse

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Real = Fraction | float  # a float only for infinities, NaN and signed zeros
_TINY_REAL = {text: sign * Fraction(2) ** (UNDERFLOW_EXPONENT - 1) for sign, text in TINY.items()}


@dataclass(frozen=True)
class Exact:
    """``n`` exact reals ``(hi + lo) * 2**exponent`` with ``1 <= |hi| <= 2``.

    ``exponent`` is ``floor(log2|y|)`` of the real itself. Zeros, infinities and NaN have their float
    in ``hi`` and exponent 0. Splitting off the exponent keeps the second half of the bits where a
    plain float64 pair would underflow.
    """

    hi: Floats
    lo: Floats
    exponent: Integers

    def __len__(self) -> int:
        return len(self.hi)

    def __getitem__(self, index: npt.NDArray[np.intp] | slice) -> Exact:
        return Exact(self.hi[index], self.lo[index], self.exponent[index])

    def approximate(self) -> Floats:
        """The nearest float64 (values below its range become zero, those beyond it infinite)."""
        with np.errstate(over="ignore"):
            return np.ldexp(self.hi, np.clip(self.exponent, -3000, 3000).astype(np.int32))

    @classmethod
    def of(cls, values: Iterable[Real]) -> Exact:
        """From rationals (and floats for the special values)."""
        parts = [_split(value) for value in values]
        columns = list(zip(*parts, strict=True)) if parts else [(), (), ()]
        return cls(
            np.array(columns[0], np.float64),
            np.array(columns[1], np.float64),
            np.array(columns[2], np.int64),
        )


def real(text: str) -> Real:
    """The exact value of a stored golden number."""
    return _TINY_REAL[text] if text in _TINY_REAL else parse(text)


def total(values: Sequence[Real]) -> Real:
    """The exact sum; NaN and infinities follow IEEE 754."""
    special = [value for value in values if isinstance(value, float)]
    if any(not math.isfinite(value) for value in special):
        return math.fsum(special) if not _opposed(special) else math.nan
    return sum((Fraction(value) for value in values), Fraction(0))


def _opposed(values: Sequence[float]) -> bool:
    return math.inf in values and -math.inf in values


def _split(value: Real) -> tuple[float, float, int]:
    if isinstance(value, float) and (value == 0 or not math.isfinite(value)):
        return value, 0.0, 0
    exact = Fraction(value)
    if exact == 0:
        return 0.0, 0.0, 0
    exponent = floor_log2(exact)
    mantissa = exact / Fraction(2) ** exponent
    high = float(mantissa)
    return high, float(mantissa - Fraction(high)), exponent

"""The four binary floating-point formats, and exact rounding into them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import ml_dtypes
import numpy as np

from conformance.errors import UsageError


@dataclass(frozen=True)
class Dtype:
    """A binary format with ``precision`` bits and exponents ``emin..emax`` (IEEE 754-2019, section 3.3)."""

    name: str
    precision: int
    emin: int
    emax: int

    @property
    def numpy(self) -> np.dtype:
        """The NumPy dtype (ml_dtypes supplies bfloat16)."""
        return np.dtype(ml_dtypes.bfloat16 if self.name == "bfloat16" else self.name)

    @property
    def bits(self) -> int:
        """Storage width in bits."""
        return self.numpy.itemsize * 8

    @property
    def smallest(self) -> float:
        """The smallest positive subnormal."""
        return 2.0 ** (self.emin - self.precision + 1)

    @property
    def smallest_normal(self) -> float:
        """The smallest positive normal number."""
        return 2.0**self.emin

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return float((2 - Fraction(1, 2 ** (self.precision - 1))) * Fraction(2) ** self.emax)

    def round(self, value: Fraction) -> float:
        """Round an exact real to nearest, ties to even; overflow gives an infinity."""
        if value == 0:
            return 0.0
        unit = Fraction(2) ** (max(floor_log2(value), self.emin) - self.precision + 1)
        rounded = round(value / unit) * unit
        if abs(rounded) > Fraction(self.largest):
            return float("inf") if value > 0 else float("-inf")
        return float(rounded) if rounded else (0.0 if value > 0 else -0.0)


DTYPES: dict[str, Dtype] = {
    dtype.name: dtype
    for dtype in (
        Dtype("float64", 53, -1022, 1023),
        Dtype("float32", 24, -126, 127),
        Dtype("float16", 11, -14, 15),
        Dtype("bfloat16", 8, -126, 127),
    )
}


def dtype_named(name: str) -> Dtype:
    """The format called ``name``; raises UsageError with the known names."""
    if name not in DTYPES:
        raise UsageError(f"unknown dtype '{name}'; known: {', '.join(DTYPES)}")
    return DTYPES[name]


def floor_log2(value: Fraction) -> int:
    """``floor(log2(|value|))`` of a non-zero exact number."""
    exponent = abs(value.numerator).bit_length() - value.denominator.bit_length()
    return exponent - 1 if abs(value) < Fraction(2) ** exponent else exponent

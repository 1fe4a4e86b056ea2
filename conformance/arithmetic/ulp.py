"""Error measures: how far a computed value is from the exact real, in units in the last place.

``ulp(y) = 2**(max(floor(log2|y|), emin) - p + 1)`` of the exact real y (Goldberg's definition extended to
reals; Muller, "On the definition of ulp(x)", INRIA RR-5504, 2005), so that an error of at most 0.5 is what
correct rounding gives. *Result ULP* is ``|got - y| / ulp(y)``; *scaled ULP* is the same error over the ulp
of the largest term that the formula must add, which is what a backward-stable evaluation can promise.
NaN, infinities and flushed subnormals are kinds of their own, not distances.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Exact, Floats


class Kind(IntEnum):
    """What can be said of an element before any bound is applied."""

    DISTANCE = 0  # both finite: the distance says it all
    SAME = 1  # the same infinity, or both NaN
    FLUSHED = 2  # the exact result is subnormal, the computed one zero or the smallest normal
    NAN = 3  # NaN where the exact result is a number
    NAN_LOST = 4  # a number where the exact result is NaN
    LIMIT_LOST = 5  # finite, or the other infinity, where the limit is infinite
    OVERFLOW = 6  # infinite where the exact result rounds to a finite number


@dataclass(frozen=True)
class Errors:
    """Element by element: what was computed, what is exact, how far apart they are."""

    dtype: Dtype
    got: Floats
    exact: Exact
    kind: npt.NDArray[np.uint8]
    result_ulp: Floats
    scaled_ulp: Floats

    def __getitem__(self, index: npt.NDArray[np.intp] | slice) -> Errors:
        return Errors(
            self.dtype,
            self.got[index],
            self.exact[index],
            self.kind[index],
            self.result_ulp[index],
            self.scaled_ulp[index],
        )

    def __len__(self) -> int:
        return len(self.got)


def unit(magnitude_exponent: npt.NDArray[np.int64], dtype: Dtype) -> npt.NDArray[np.int64]:
    """The exponent of the ulp of a real whose ``floor(log2|y|)`` is given."""
    return np.clip(magnitude_exponent, dtype.emin, dtype.emax) - dtype.precision + 1


def ulps(values: Floats, dtype: Dtype) -> Floats:
    """The ulp of each value, that of the smallest normal number for those below it."""
    return np.asarray(np.ldexp(1.0, unit(_exponents(values, dtype), dtype)), np.float64)


def measure(got: Floats, exact: Exact, scale: Floats, dtype: Dtype) -> Errors:
    """Compare float64 copies of computed values with the exact reals.

    ``scale`` holds the magnitude of the largest term (float64, same length); where it is smaller than
    the result or not finite, the result itself is the scale.
    """
    got = np.asarray(got, np.float64)
    kind = _kinds(got, exact, dtype)
    exponent = np.where(np.isfinite(exact.hi) & (exact.hi != 0), exact.exponent, dtype.emin)
    result_unit = unit(exponent, dtype)
    scaled_unit = np.maximum(result_unit, unit(_exponents(scale, dtype), dtype))
    # Far below every dtype an exact result is as good as zero; its own exponent would make an infinity of any other.
    shift = np.maximum(exact.exponent, -1000).astype(np.int32)
    rest = np.maximum(exact.exponent - shift, -3000).astype(np.int32)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs((np.ldexp(got, -shift) - np.ldexp(exact.hi, rest)) - np.ldexp(exact.lo, rest))
        result = np.ldexp(distance, (shift - result_unit).astype(np.int32))
        scaled = np.ldexp(distance, (shift - scaled_unit).astype(np.int32))
    same, broken = kind == Kind.SAME, kind >= Kind.NAN
    result = np.where(same, 0.0, np.where(broken, np.inf, result))
    scaled = np.where(same, 0.0, np.where(broken, np.inf, scaled))
    return Errors(dtype, got, exact, kind, result, scaled)


def _kinds(got: Floats, exact: Exact, dtype: Dtype) -> npt.NDArray[np.uint8]:
    truth = exact.approximate()
    kind = np.full(got.shape, Kind.DISTANCE, np.uint8)
    infinite = np.isinf(exact.hi)
    with np.errstate(over="ignore", invalid="ignore"):
        overflows = np.isinf(truth.astype(dtype.numpy).astype(np.float64))
    kind[np.isinf(got) & ~infinite & ~(overflows & (np.sign(got) == np.sign(truth)))] = Kind.OVERFLOW
    kind[np.isinf(got) & ~infinite & overflows & (np.sign(got) == np.sign(truth))] = Kind.SAME
    kind[infinite] = np.where(got[infinite] == truth[infinite], Kind.SAME, Kind.LIMIT_LOST)
    subnormal = (exact.hi != 0) & (np.abs(truth) < dtype.smallest_normal) & ~infinite
    rounds_to_zero = np.abs(truth) <= dtype.smallest / 2
    flushed = subnormal & ~rounds_to_zero & ((got == 0) | (np.abs(got) == dtype.smallest_normal))
    kind[flushed] = Kind.FLUSHED
    kind[np.isnan(got)] = np.where(np.isnan(exact.hi[np.isnan(got)]), Kind.SAME, Kind.NAN)
    kind[np.isnan(exact.hi) & ~np.isnan(got)] = Kind.NAN_LOST
    return kind


def _exponents(values: Floats, dtype: Dtype) -> npt.NDArray[np.int64]:
    _, exponents = np.frexp(values)
    return np.where(np.isfinite(values) & (values != 0), exponents.astype(np.int64) - 1, dtype.emin)

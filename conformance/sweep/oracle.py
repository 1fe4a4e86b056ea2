"""The exact loss and gradient of consecutive float32 logits as short polynomials, with a proven error bound.

For a = |x| there are four functions, of which a label and a sign choose one each for loss and gradient:

    falling loss      log1p(exp(-a))            falling gradient    1 / (1 + exp(a))
    rising loss       a + log1p(exp(-a))        rising gradient     1 - 1 / (1 + exp(a))

Inside a binade consecutive floats are evenly spaced, so over N of them, a power of two, ``a = mid + h t`` where
``t = 2 i / N - 1`` is exact. The polynomial is Taylor's, of degree DEGREE in t, from Arb's power series. Everything is
in units of the result's ulp; a piece ends where the result crosses a power of two, whose place has a closed form.

Error bound of a piece, in ulps, with S the sum of the coefficients' magnitudes and u = 2**-53:
- truncation: the next coefficient of the series about the whole interval as a ball encloses Lagrange's remainder;
- each coefficient rounded to float64: u S (a factor 1 + u), and its own ball;
- evaluation: each term passes through at most 2 DEGREE roundings, fused or not and in whatever order, which is
  2 DEGREE u S / (1 - 2 DEGREE u) (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 5.1,
  |t| <= 1); one more u S for the difference with the computed value.
Where a result lies within 2**-16 ulp of a limit that is a float (x, 1, 1/2 or 0), the limit itself, moved by NUDGE
ulps to the side where the result lies, takes its place: then the difference with any float is exact, and its class is
that of the exact result, because the boundaries between classes are multiples of half an ulp, like the difference.
Next to logit 0 the loss is log 2, give or take half the logit, and that is its bound.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from flint import arb, arb_series, ctx

from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import Floats, Integers

DEGREE = 4
STRIDE = 1 << 15  # magnitudes a polynomial spans at most, unless they are very near each other
NUDGE = 2.0**-26
_NEAR = 2.0**-16
_WIDTH = 2.0**-7  # of an interval of a, at most
_VERY_NEAR = 2.0**-10
_NOTHING = 2.0**-45  # a logit that moves the loss by less than 2**-21 ulp
_PRECISION = 128
_FLOAT32 = DTYPES["float32"]
_MANTISSA = 1 << 23
_ZERO_FROM = 128.0  # exp(-128) is 2**-36 of the smallest subnormal
ARB = threading.RLock()  # Arb's precision is one for all threads
_ROUNDOFF = (2 * DEGREE + 4) * 2.0**-53


@dataclass(frozen=True, eq=False)
class Table:
    """Pieces of one function over a block of magnitudes.

    ``first`` (int64, n + 1): index in the block where each piece begins, and the block's end. ``rows`` (float64,
    n x (DEGREE + 5)): 2 / N, offset of the piece's interval in the block, 1 / ulp, error bound in ulps, coefficients
    in ulps. ``subnormal`` (bool): the exact results are below the smallest normal number and not simply zero.
    """

    first: Integers
    rows: Floats
    subnormal: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Interval:
    """``count`` floats from the magnitude pattern ``pattern``: ``start + i * spacing``."""

    pattern: int
    count: int

    @property
    def spacing(self) -> float:
        return 2.0 ** (max(self.pattern // _MANTISSA, 1) - 150)

    @property
    def start(self) -> float:
        implicit = _MANTISSA if self.pattern >= _MANTISSA else 0
        return (self.pattern % _MANTISSA + implicit) * self.spacing

    @property
    def last(self) -> float:
        return self.start + (self.count - 1) * self.spacing

    @property
    def half(self) -> float:
        return self.count / 2 * self.spacing


Piece = tuple[int, float, float, tuple[float, ...], bool]  # first, 1 / ulp, bound, coefficients, subnormal


@functools.lru_cache(maxsize=2048)  # 4 MB: all of float32, for a second label or sweep
def table(pattern: int, count: int, quantity: str, rising: bool) -> Table:
    """Of ``count`` magnitudes from ``pattern`` on, all finite; both are multiples of a power of two."""
    first: list[int] = []
    rows: list[tuple[float, ...]] = []
    subnormal: list[bool] = []
    for interval in _intervals(pattern, count, quantity, rising):
        offset = interval.pattern - pattern
        with ARB:
            pieces = list(_pieces(interval, quantity, rising))
        for start, inverse, bound, coefficients, small in pieces:
            first.append(offset + start)
            padded = (*coefficients, *(0.0,) * (DEGREE + 1 - len(coefficients)))
            rows.append((2.0 / interval.count, float(offset), inverse, bound, *padded))
            subnormal.append(small)
    return Table(np.array([*first, count], np.int64), np.array(rows), np.array(subnormal))


def _intervals(pattern: int, count: int, quantity: str, rising: bool) -> Iterator[_Interval]:
    whole = _Interval(pattern, count)
    one_binade = pattern // _MANTISSA == (pattern + count - 1) // _MANTISSA
    if pattern and one_binade and _limit(whole, quantity, rising) is not None:
        yield whole
        return
    at = pattern
    while at < pattern + count:
        spacing = _Interval(at, 1).spacing
        stride = count if count * spacing <= _VERY_NEAR else min(STRIDE, count)
        while stride * spacing > _WIDTH and stride > 1 and at / _MANTISSA < 127 + 7:
            stride //= 2
        yield _Interval(at, stride)
        at += stride


def _pieces(interval: _Interval, quantity: str, rising: bool) -> Iterator[Piece]:
    start = 0
    if interval.pattern == 0 and quantity == "gradient":
        yield 0, 2.0**24, 0.0, (2.0**23,), False  # exactly one half at logit 0
        start = 1
    limit = _limit(interval, quantity, rising)
    if limit is not None:
        yield start, *limit, False
        return
    # 1 + exp(-a) must keep the bits of both.
    before, ctx.prec = ctx.prec, _PRECISION + int(1.5 * interval.last)
    try:
        for first, inverse, bound, coefficients, small in _expanded(interval, quantity, rising):
            yield max(first, start), inverse, bound, coefficients, small
    finally:
        ctx.prec = before


def _limit(interval: _Interval, quantity: str, rising: bool) -> tuple[float, float, tuple[float, ...]] | None:
    """1 / ulp, bound and coefficients where the result is as good as a float, or as log 2; None elsewhere."""
    tail = math.exp(-min(interval.start, 700.0)) * 1.001
    if not rising and interval.start >= _ZERO_FROM:
        return 2.0**149, 0.0, (NUDGE,)
    if quantity == "loss" and interval.last <= _NOTHING:
        return 2.0**24, (interval.last + 2.0**-53) * 2.0**24, (math.log(2.0) * 2.0**24,)
    if quantity == "gradient" and interval.last <= _NEAR * 2.0**-23:
        # one half, less or more a quarter of the logit
        return (2.0**24, 0.0, (2.0**23 + NUDGE,)) if rising else (2.0**25, 0.0, (2.0**24 - NUDGE,))
    if quantity == "gradient" and rising and tail <= _NEAR * 2.0**-24:
        return 2.0**24, 0.0, (2.0**24 - NUDGE,)
    if quantity == "loss" and rising and tail <= _NEAR * interval.spacing and interval.pattern >= _MANTISSA:
        inverse = 1.0 / interval.spacing
        return inverse, 0.0, ((interval.start + interval.half) * inverse + NUDGE, interval.count / 2)
    return None


def _expanded(interval: _Interval, quantity: str, rising: bool) -> Iterator[Piece]:
    middle, half = arb(interval.start + interval.half), arb(interval.half)
    series = _series(middle, DEGREE + 1, half, quantity, rising)
    remainder = abs(_series(arb(middle, half), DEGREE + 2, half, quantity, rising)[DEGREE + 1]).upper()
    values = [float(series[k].mid()) for k in range(DEGREE + 1)]
    radius = sum(float(series[k].rad()) for k in range(DEGREE + 1)) + float(remainder)
    size = sum(map(abs, values))
    for start, exponent in _binades(interval, quantity, rising):
        inverse = 2.0 ** (_FLOAT32.precision - 1 - max(exponent, _FLOAT32.emin))
        bound = (size * _ROUNDOFF + radius) * inverse * 1.001
        yield start, inverse, bound, tuple(each * inverse for each in values), exponent < _FLOAT32.emin


def _series(a: arb, length: int, half: arb, quantity: str, rising: bool) -> arb_series:
    """The function's power series about ``a``, in multiples of ``half``."""
    tail = arb_series([-a, -half], length).exp()
    whole = 1 + tail
    falling = whole.log() if quantity == "loss" else tail / whole
    if not rising:
        return falling
    return arb_series([a, half], length) + falling if quantity == "loss" else 1 - falling


def _binades(interval: _Interval, quantity: str, rising: bool) -> Iterator[tuple[int, int]]:
    """Where the result enters a binade: index in the interval, ``floor(log2 y)``."""
    ends = [_exponent(arb(a), quantity, rising) for a in (max(interval.start, 2.0**-149), interval.last)]
    yield 0, ends[0]
    if ends[0] == ends[1] or max(ends) < _FLOAT32.emin:
        return
    if abs(ends[0] - ends[1]) != 1:
        raise ArithmeticError("an interval spans two binades of the result")
    crossing = _inverse(max(ends), quantity, rising)
    place = ((crossing - arb(interval.start)) / arb(interval.spacing)).floor().unique_fmpz()
    if place is None:
        raise ArithmeticError("where the result crosses a power of two is undecided")
    yield int(place) + 1, ends[1]


def _exponent(a: arb, quantity: str, rising: bool) -> int:
    value = _series(a, 1, arb(0), quantity, rising)[0]
    lower, upper = value.lower(), value.upper()
    exponents = {int(end.man_exp()[1]) + int(end.man_exp()[0]).bit_length() - 1 for end in (lower, upper)}
    if len(exponents) != 1:
        raise ArithmeticError("the binade of a result is undecided")
    return exponents.pop()


def _inverse(exponent: int, quantity: str, rising: bool) -> arb:
    """The magnitude of the logit where the result is 2**exponent."""
    power = arb(2) ** exponent
    if quantity == "gradient":
        return (1 / power - 1).log() if not rising else (power / (1 - power)).log()
    return power.expm1().log() if rising else -power.expm1().log()

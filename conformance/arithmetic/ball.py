"""Balls of Arb: narrowed until they prove one number, and their arithmetic with infinite limits.

A value counts as proven when its ball is relatively narrower than 2**-PROVEN_RADIUS_BITS and both ends
round to the same number in every supported format. What is stored is the midpoint cut to 128 bits.

References: F. Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic",
IEEE Trans. Computers 66(8), 2017; A. Ziv, "Fast evaluation of elementary mathematical functions with
correctly rounded last bit", ACM TOMS 17(3), 1991.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from flint import arb, ctx

from conformance.arithmetic.dtype import DTYPES, floor_log2
from conformance.arithmetic.exact import Exact, Real
from conformance.arithmetic.number import PROVEN_BITS, TINY, UNDERFLOW_EXPONENT, float_text, hex_text

PROVEN_RADIUS_BITS = 120
FIRST_PRECISION, LAST_PRECISION = 256, 4096
_VECTOR_PRECISIONS = (256, 2560)  # bits; near label 1/2 the gradient of a subnormal logit needs the second one
_VECTOR_RADIUS_BITS = 112
_ZERO_EXPONENT = -1100  # a ball around zero that lies below this rounds to zero in every dtype
Ball = arb | float  # a float for an infinite limit, or for NaN


class NotProven(ArithmeticError):
    """The ball stayed too wide at the last precision: an exact tie, or a bug here."""


def narrow(evaluate: Callable[[], Ball]) -> str:
    """The proven value of what ``evaluate`` encloses at the current precision, as text (see number.py).

    Raises NotProven where ball arithmetic cannot decide.
    """
    precision = FIRST_PRECISION
    while precision <= LAST_PRECISION:
        ctx.prec = precision
        enclosed = evaluate()
        if isinstance(enclosed, float):
            return float_text(enclosed)
        if text := _decided(enclosed):
            return text
        precision *= 2
    raise NotProven(f"still undecided at {LAST_PRECISION} bits: {enclosed}")


def narrowed(evaluate: Callable[[], Sequence[arb]]) -> Exact:
    """What ``evaluate`` encloses at the current precision, each to at least 100 bits; NaN stays NaN.

    Raises ArithmeticError if a ball is wide.
    """
    before = ctx.prec
    *precisions, last = _VECTOR_PRECISIONS
    try:
        for precision in precisions:
            with contextlib.suppress(ArithmeticError):
                return _vector(precision, evaluate)
        return _vector(last, evaluate)
    finally:
        ctx.prec = before


def _vector(precision: int, evaluate: Callable[[], Sequence[arb]]) -> Exact:
    ctx.prec = precision
    parts = [_split(each) for each in evaluate()]
    hi, lo, exponent = zip(*parts, strict=True) if parts else ((), (), ())
    return Exact(np.array(hi, np.float64), np.array(lo, np.float64), np.array(exponent, np.int64))


def _split(enclosed: arb) -> tuple[float, float, int]:
    if enclosed.is_nan():
        return math.nan, 0.0, 0
    if enclosed.is_zero():
        return 0.0, 0.0, 0
    if abs(enclosed).upper() < arb(2) ** UNDERFLOW_EXPONENT:
        return -1.0 if enclosed.mid() < 0 else 1.0, 0.0, UNDERFLOW_EXPONENT - 1  # as exact.real has it
    mantissa, exponent = enclosed.mid().man_exp()
    power = int(exponent) + int(abs(mantissa)).bit_length() - 1
    unit = enclosed * arb(2) ** -power
    if unit.rad() > arb(2) ** -_VECTOR_RADIUS_BITS:
        if abs(enclosed).upper() < arb(2) ** _ZERO_EXPONENT:
            return 0.0, 0.0, 0
        raise ArithmeticError(f"the ball is too wide: {enclosed}")
    high = float(unit.mid())
    return high, float((unit - arb(high)).mid()), power


def _decided(enclosed: arb) -> str | None:
    if enclosed.is_zero():
        return "0x0p+0"
    if abs(enclosed).upper() < arb(2) ** UNDERFLOW_EXPONENT:
        return TINY[1 if enclosed > 0 else -1] if enclosed > 0 or enclosed < 0 else _unsigned_tiny(enclosed)
    lower, upper = _fraction(enclosed.lower()), _fraction(enclosed.upper())
    if lower * upper <= 0:
        return None
    if upper - lower > min(abs(lower), abs(upper)) / 2**PROVEN_RADIUS_BITS:
        return None
    if any(dtype.round(lower) != dtype.round(upper) for dtype in DTYPES.values()):
        return None
    return hex_text(_cut((lower + upper) / 2))


def _unsigned_tiny(enclosed: arb) -> str:
    # exp of a hugely negative number may come back as a ball around zero; every formula here is
    # a non-negative function times a factor of known sign, and that sign is what the midpoint keeps.
    return TINY[-1] if enclosed.mid() < 0 else TINY[1]


def _cut(value: Fraction) -> Fraction:
    unit = Fraction(2) ** (floor_log2(value) - PROVEN_BITS)
    return round(value / unit) * unit


def _fraction(endpoint: arb) -> Fraction:
    mantissa, exponent = endpoint.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def ball(value: Real) -> arb:
    """A ball around a finite number, as narrow as the current precision allows."""
    exact = Fraction(value)
    return arb(exact.numerator) / arb(exact.denominator)


def scaled(value: Ball, factor: Real) -> Ball:
    """``value * factor`` with 0 * inf = 0 for a coefficient that is exactly zero (the limit)."""
    if factor == 0:
        return arb(0)
    if isinstance(factor, float) and math.isinf(factor):
        raise NotProven("infinite weights, pos_weights, labels and cotangents are not supported")
    if isinstance(value, float):
        return value if factor > 0 else -value
    return value * ball(factor)


def total(left: Ball, right: Ball) -> Ball:
    """The sum; infinities of both signs give NaN."""
    if isinstance(left, float) or isinstance(right, float):
        infinite = [side for side in (left, right) if isinstance(side, float)]
        return math.fsum(infinite) if len(set(infinite)) == 1 else math.nan
    return left + right


def product(*factors: Real) -> Real:
    """The exact product of finite numbers. Raises NotProven for others."""
    value = Fraction(1)
    for factor in factors:
        if isinstance(factor, float) and not math.isfinite(factor):
            raise NotProven("infinite weights, pos_weights, labels and cotangents are not supported")
        value *= Fraction(factor)
    return value

"""The class of one element by ball arithmetic and rationals, where float64 cannot decide."""

from __future__ import annotations

import math
from fractions import Fraction

from flint import arb, ctx

from conformance.arithmetic.ball import NotProven
from conformance.arithmetic.dtype import Dtype, floor_log2
from conformance.sweep.classes import FLUSHED, LIMIT_LOST, LOST, NAN, OVERFLOW, WRONG_SIGN, half
from conformance.sweep.oracle import ARB

_AGREED = Fraction(1, 1 << 40)


def classify(logit: float, label: float, got: float, quantity: str, dtype: Dtype) -> tuple[int, float]:
    """Class and distance in ULP of a finite result for a finite logit. Raises NotProven."""
    with ARB:
        before = ctx.prec
        try:
            for power in range(7, 19):
                ctx.prec = 1 << power
                ball = _exact(logit, label, quantity)
                (low, e), (high, other) = (
                    _class(_fraction(end), Fraction(got), dtype) for end in (ball.lower(), ball.upper())
                )
                # The ulp changes where the exact result crosses a power of two.
                if low == high and abs(e - other) <= (1 + e) * _AGREED:
                    return low, float(e)
        finally:
            ctx.prec = before
    raise NotProven(f"the error of {got} at logit {logit}, label {label} is undecided")


def _exact(logit: float, label: float, quantity: str) -> arb:
    a, z = arb(abs(logit)), arb(label)
    tail = (-a).exp()
    if quantity == "loss":
        return a * (1 - z if logit > 0 else z) + tail.log1p()
    falling = tail / (1 + tail)
    return 1 - z - falling if logit > 0 else falling - z


def _fraction(end: arb) -> Fraction:
    mantissa, exponent = end.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _class(y: Fraction, got: Fraction, dtype: Dtype) -> tuple[int, Fraction]:
    exponent = max(floor_log2(y), dtype.emin) if y else dtype.emin
    e = abs(got - y) / Fraction(2) ** (exponent - dtype.precision + 1)
    if got * y < 0:
        return WRONG_SIGN, e
    kind, edge = 0, Fraction(1, 2)
    while e > edge and edge <= half(dtype):
        edge *= 2
        kind += 1
    rounds_to_zero = abs(y) <= Fraction(dtype.smallest) / 2
    subnormal = 0 < abs(y) < Fraction(dtype.smallest_normal) and not rounds_to_zero
    if subnormal and kind > 0 and (got == 0 or abs(got) == dtype.smallest_normal):
        return FLUSHED, e
    return (LOST if edge > half(dtype) else kind), e


def limit(logit: float, label: float, got: float, quantity: str, dtype: Dtype) -> tuple[int, float]:
    """Class and distance at an infinite logit, whose sign is that of ``logit``, and a label of 0 or 1."""
    agrees = (logit > 0) == (label == 1)
    if math.isnan(got):
        return NAN, 0.0
    if quantity == "loss" and not agrees:
        return (0, 0.0) if got == math.inf else (LIMIT_LOST, 0.0)
    if math.isinf(got):
        return OVERFLOW, 0.0
    y = 0.0 if agrees else 1.0 - 2.0 * label
    e = abs(got - y) * 2.0 ** (dtype.precision - 1 - (0 if y else dtype.emin))
    if got * y < 0 or (quantity == "loss" and got < 0):
        return WRONG_SIGN, e
    kind, edge = 0, 0.5
    while e > edge and edge <= half(dtype):
        edge *= 2
        kind += 1
    return (LOST if edge > half(dtype) else kind), e

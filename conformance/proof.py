"""Proven golden values: ball arithmetic (Arb, through python-flint) encloses the exact result.

A value counts as proven when its ball is relatively narrower than 2**-PROVEN_RADIUS_BITS and both ends
round to the same number in every supported format. What is stored is the midpoint cut to 128 bits.

References: F. Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic",
IEEE Trans. Computers 66(8), 2017; A. Ziv, "Fast evaluation of elementary mathematical functions with
correctly rounded last bit", ACM TOMS 17(3), 1991.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx

from conformance.dtype import DTYPES, floor_log2
from conformance.exact import Real
from conformance.number import PROVEN_BITS, TINY, UNDERFLOW_EXPONENT, float_text, hex_text

QUANTITIES = ("loss", "gradient", "curvature", "label_gradient", "weight_gradient", "pos_weight_gradient")
PROVEN_RADIUS_BITS = 120
FIRST_PRECISION, LAST_PRECISION = 256, 4096


class NotProven(ArithmeticError):
    """The ball stayed too wide at the last precision: an exact tie, or a bug here."""


@dataclass(frozen=True)
class Element:
    """One element's exact inputs. ``cotangent`` multiplies the derivatives, ``weight`` everything."""

    logit: Real
    label: Real
    weight: Real = Fraction(1)
    pos_weight: Real = Fraction(1)
    cotangent: Real = Fraction(1)
    label_smoothing: Fraction = Fraction(0)

    @property
    def target(self) -> Real:
        """The smoothed label ``z * (1 - a) + a / 2``."""
        if isinstance(self.label, float) and not math.isfinite(self.label):
            return self.label
        return Fraction(self.label) * (1 - self.label_smoothing) + self.label_smoothing / 2


def prove(element: Element) -> dict[str, str]:
    """The six quantities of QUANTITIES as text (see conformance/number.py), each proven.

    Raises NotProven where ball arithmetic cannot decide.
    """
    inputs = (element.logit, element.target, element.weight, element.pos_weight, element.cotangent)
    if any(isinstance(value, float) and math.isnan(value) for value in inputs):
        return dict.fromkeys(QUANTITIES, "nan")
    return {name: _narrow(functools.partial(_FORMULAS[name], element)) for name in QUANTITIES}


# Each formula returns a ball, or a float for an infinite limit.
Ball = arb | float


def _narrow(evaluate: Callable[[], Ball]) -> str:
    precision = FIRST_PRECISION
    while precision <= LAST_PRECISION:
        ctx.prec = precision
        ball = evaluate()
        if isinstance(ball, float):
            return float_text(ball)
        if text := _decided(ball):
            return text
        precision *= 2
    raise NotProven(f"still undecided at {LAST_PRECISION} bits: {ball}")


def _decided(ball: arb) -> str | None:
    if ball.is_zero():
        return "0x0p+0"
    if abs(ball).upper() < arb(2) ** UNDERFLOW_EXPONENT:
        return TINY[1 if ball > 0 else -1] if ball > 0 or ball < 0 else _unsigned_tiny(ball)
    lower, upper = _fraction(ball.lower()), _fraction(ball.upper())
    if lower * upper <= 0:
        return None
    if upper - lower > min(abs(lower), abs(upper)) / 2**PROVEN_RADIUS_BITS:
        return None
    if any(dtype.round(lower) != dtype.round(upper) for dtype in DTYPES.values()):
        return None
    return hex_text(_cut((lower + upper) / 2))


def _unsigned_tiny(ball: arb) -> str:
    # exp of a hugely negative number may come back as a ball around zero; every formula here is
    # a non-negative function times a factor of known sign, and that sign is what the midpoint keeps.
    return TINY[-1] if ball.mid() < 0 else TINY[1]


def _cut(value: Fraction) -> Fraction:
    unit = Fraction(2) ** (floor_log2(value) - PROVEN_BITS)
    return round(value / unit) * unit


def _fraction(endpoint: arb) -> Fraction:
    mantissa, exponent = endpoint.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _arb(value: Real) -> arb:
    exact = Fraction(value)
    return arb(exact.numerator) / arb(exact.denominator)


def _softplus(x: Real) -> Ball:
    if isinstance(x, float) and math.isinf(x):
        return math.inf if x > 0 else arb(0)
    positive = _arb(x) if x > 0 else arb(0)
    return positive + (-abs(_arb(x))).exp().log1p()


def _sigmoid(x: Real) -> arb:
    if isinstance(x, float) and math.isinf(x):
        return arb(1) if x > 0 else arb(0)
    tail = (-abs(_arb(x))).exp()
    return (arb(1) if x >= 0 else tail) / (1 + tail)


def _scaled(value: Ball, factor: Real) -> Ball:
    """``value * factor`` with 0 * inf = 0 for a coefficient that is exactly zero (the limit)."""
    if factor == 0:
        return arb(0)
    if isinstance(factor, float) and math.isinf(factor):
        raise NotProven("infinite weights, pos_weights, labels and cotangents are not supported")
    if isinstance(value, float):
        return value if factor > 0 else -value
    return value * _arb(factor)


def _sum(left: Ball, right: Ball) -> Ball:
    if isinstance(left, float) or isinstance(right, float):
        infinite = [side for side in (left, right) if isinstance(side, float)]
        return math.fsum(infinite) if len(set(infinite)) == 1 else math.nan
    return left + right


def _product(*factors: Real) -> Real:
    value = Fraction(1)
    for factor in factors:
        if isinstance(factor, float) and not math.isfinite(factor):
            raise NotProven("infinite weights, pos_weights, labels and cotangents are not supported")
        value *= Fraction(factor)
    return value


def _unweighted_loss(e: Element) -> Ball:
    negative = _scaled(_softplus(e.logit), 1 - Fraction(e.target))
    return _sum(negative, _scaled(_softplus(-e.logit), _product(e.pos_weight, e.target)))


def _loss(e: Element) -> Ball:
    return _scaled(_unweighted_loss(e), e.weight)


def _gradient(e: Element) -> Ball:
    return _scaled(_two_sided(e), _product(e.weight, e.cotangent))


def _two_sided(e: Element) -> Ball:
    negative = _scaled(_sigmoid(e.logit), 1 - Fraction(e.target))
    return _sum(negative, _scaled(_sigmoid(-e.logit), -_product(e.pos_weight, e.target)))


def _curvature(e: Element) -> Ball:
    coefficient = 1 - Fraction(e.target) + _product(e.pos_weight, e.target)
    return _scaled(_sigmoid(e.logit) * _sigmoid(-e.logit), _product(coefficient, e.weight))


def _label_gradient(e: Element) -> Ball:
    outer = _product(e.weight, e.cotangent, 1 - e.label_smoothing)
    if e.pos_weight == 1:
        infinite = isinstance(e.logit, float) and math.isinf(e.logit)
        return _scaled(-float(e.logit) if infinite else -_arb(e.logit), outer)
    positive = _scaled(_softplus(-e.logit), e.pos_weight)
    return _scaled(_sum(positive, _scaled(_softplus(e.logit), Fraction(-1))), outer)


def _weight_gradient(e: Element) -> Ball:
    return _scaled(_unweighted_loss(e), e.cotangent)


def _pos_weight_gradient(e: Element) -> Ball:
    return _scaled(_softplus(-e.logit), _product(e.target, e.weight, e.cotangent))


_FORMULAS: dict[str, Callable[[Element], Ball]] = {
    "loss": _loss,
    "gradient": _gradient,
    "curvature": _curvature,
    "label_gradient": _label_gradient,
    "weight_gradient": _weight_gradient,
    "pos_weight_gradient": _pos_weight_gradient,
}

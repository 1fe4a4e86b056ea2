"""Proven golden values of the operator on logits: ball arithmetic (ball.py) encloses the exact result."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from conformance.arithmetic.ball import Ball, ball, narrow, product, scaled, total
from conformance.arithmetic.exact import Real

QUANTITIES = ("loss", "gradient", "curvature", "label_gradient", "weight_gradient", "pos_weight_gradient")


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
    """The six quantities of QUANTITIES as text (see conformance/arithmetic/number.py), each proven.

    Raises NotProven where ball arithmetic cannot decide.
    """
    inputs = (element.logit, element.target, element.weight, element.pos_weight, element.cotangent)
    if any(isinstance(value, float) and math.isnan(value) for value in inputs):
        return dict.fromkeys(QUANTITIES, "nan")
    return {name: narrow(functools.partial(_FORMULAS[name], element)) for name in QUANTITIES}


# Each formula returns a ball, or a float for an infinite limit.


def _softplus(x: Real) -> Ball:
    if isinstance(x, float) and math.isinf(x):
        return math.inf if x > 0 else arb(0)
    positive = ball(x) if x > 0 else arb(0)
    return positive + (-abs(ball(x))).exp().log1p()


def _sigmoid(x: Real) -> arb:
    if isinstance(x, float) and math.isinf(x):
        return arb(1) if x > 0 else arb(0)
    tail = (-abs(ball(x))).exp()
    return (arb(1) if x >= 0 else tail) / (1 + tail)


def _unweighted_loss(e: Element) -> Ball:
    negative = scaled(_softplus(e.logit), 1 - Fraction(e.target))
    return total(negative, scaled(_softplus(-e.logit), product(e.pos_weight, e.target)))


def _loss(e: Element) -> Ball:
    return scaled(_unweighted_loss(e), e.weight)


def _gradient(e: Element) -> Ball:
    return scaled(_two_sided(e), product(e.weight, e.cotangent))


def _two_sided(e: Element) -> Ball:
    negative = scaled(_sigmoid(e.logit), 1 - Fraction(e.target))
    return total(negative, scaled(_sigmoid(-e.logit), -product(e.pos_weight, e.target)))


def _curvature(e: Element) -> Ball:
    coefficient = 1 - Fraction(e.target) + product(e.pos_weight, e.target)
    return scaled(_sigmoid(e.logit) * _sigmoid(-e.logit), product(coefficient, e.weight))


def _label_gradient(e: Element) -> Ball:
    outer = product(e.weight, e.cotangent, 1 - e.label_smoothing)
    if e.pos_weight == 1:
        infinite = isinstance(e.logit, float) and math.isinf(e.logit)
        return scaled(-float(e.logit) if infinite else -ball(e.logit), outer)
    positive = scaled(_softplus(-e.logit), e.pos_weight)
    return scaled(total(positive, scaled(_softplus(e.logit), Fraction(-1))), outer)


def _weight_gradient(e: Element) -> Ball:
    return scaled(_unweighted_loss(e), e.cotangent)


def _pos_weight_gradient(e: Element) -> Ball:
    return scaled(_softplus(-e.logit), product(e.target, e.weight, e.cotangent))


_FORMULAS: dict[str, Callable[[Element], Ball]] = {
    "loss": _loss,
    "gradient": _gradient,
    "curvature": _curvature,
    "label_gradient": _label_gradient,
    "weight_gradient": _weight_gradient,
    "pos_weight_gradient": _pos_weight_gradient,
}

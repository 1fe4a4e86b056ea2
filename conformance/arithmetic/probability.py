"""The operator on probabilities: its proofs, and the scale of its errors.

For a probability p and a label z, both in [0, 1], a weight w and a cotangent c

    loss(p, z)   = -w (z log p + (1 - z) log(1 - p))
    d loss / d p = w c (p - z) / (p (1 - p)) = w c ((1 - z) / (1 - p) - z / p)

with 0 log 0 = 0. Where one of these is infinite in the limit, the limit counts; where the label agrees with p = 0 or
p = 1, the gradient's limit is 1 or -1, for its other term is zero on the way there.

What a function's documentation promises instead, a logarithm with a floor or probabilities within [low, high], is a
``Reading``; it leaves the derivative of what it holds fast at zero.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb

from conformance.arithmetic.ball import Ball, ball, narrow, product, scaled, total
from conformance.arithmetic.exact import Floats

QUANTITIES = ("loss", "gradient")


@dataclass(frozen=True)
class Element:
    """One element's exact inputs. ``cotangent`` multiplies the gradient, ``weight`` both quantities."""

    probability: Fraction
    label: Fraction
    weight: Fraction = Fraction(1)
    cotangent: Fraction = Fraction(1)


@dataclass(frozen=True)
class Reading:
    """What becomes of a probability and of its logarithms before they are used; as it stands, nothing."""

    low: Fraction = Fraction(0)
    high: Fraction = Fraction(1)
    floor: Fraction | None = None  # of both logarithms

    def holds(self, p: Fraction) -> bool:
        """True if p, or a logarithm of p or of 1 - p, is replaced by a constant."""
        kept = _below_floor(p, self.floor) or _below_floor(1 - p, self.floor)
        return kept or not self.low <= p <= self.high


PLAIN = Reading()


def prove(element: Element, reading: Reading = PLAIN) -> dict[str, str]:
    """The quantities of QUANTITIES as text (see conformance/arithmetic/number.py), each proven.

    Raises NotProven where ball arithmetic cannot decide.
    """
    return {name: narrow(functools.partial(_FORMULAS[name], element, reading)) for name in QUANTITIES}


def _loss(e: Element, reading: Reading) -> Ball:
    p = min(max(e.probability, reading.low), reading.high)
    positive = scaled(_cost(p, reading.floor), e.label)
    return scaled(total(positive, scaled(_cost(1 - p, reading.floor), 1 - e.label)), e.weight)


def _gradient(e: Element, reading: Reading) -> Ball:
    outer = product(e.weight, e.cotangent)
    if not reading.low <= e.probability <= reading.high:
        return arb(0)
    if reading.holds(e.probability):
        return scaled(_held(e, reading), outer)
    return scaled(_slope(e.probability, e.label), outer)


def _slope(p: Fraction, z: Fraction) -> Ball:
    # Both terms in one fraction: their balls would never decide whether a difference of zero is one.
    if p in (0, 1):
        inward = 1 - 2 * p  # the side on which the probabilities are
        return ball(inward) if z == p else -inward * math.inf
    return ball((p - z) / (p * (1 - p)))


def _held(e: Element, reading: Reading) -> Ball:
    positive = Fraction(0) if _below_floor(e.probability, reading.floor) else -e.label / e.probability
    rest = 1 - e.probability
    return ball(positive + (Fraction(0) if _below_floor(rest, reading.floor) else (1 - e.label) / rest))


def _cost(p: Fraction, floor: Fraction | None) -> Ball:
    """The negative logarithm, at most ``-floor``."""
    if _below_floor(p, floor):
        return ball(-Fraction(floor or 0))
    return math.inf if p == 0 else -ball(p).log()


def _below_floor(p: Fraction, floor: Fraction | None) -> bool:
    # A floor is rational, and no logarithm of a rational but 1 is: at any precision one side or the other is seen.
    return floor is not None and (p == 0 or bool(ball(p).log() < ball(floor)))


_FORMULAS: dict[str, Callable[[Element, Reading], Ball]] = {"loss": _loss, "gradient": _gradient}


def largest_term(quantity: str, p: Floats, z: Floats, w: Floats, c: Floats) -> Floats:
    """The magnitude of the largest term that the usual formulas must add to get ``quantity``, in float64.

    For w = c = 1: ``max(z max(|log p|, 1), (1 - z) max(|log(1 - p)|, 1))`` for the loss, where the 1 stands for that in
    1 - p, whose rounding is an error of half of its ULP in the logarithm; mirror images, (p, z) and (1 - p, 1 - z),
    have one scale. ``max(z / p, (1 - z) / (1 - p))`` for the gradient.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if quantity == "loss":
            costs = (np.maximum(-np.log(p), 1.0), np.maximum(-np.log1p(-p), 1.0))
            terms, outer = (_of(z, costs[0]), _of(1 - z, costs[1])), w
        else:
            terms, outer = (_of(z, 1 / p), _of(1 - z, 1 / (1 - p))), w * c
        return np.asarray(np.abs(outer) * np.maximum(*terms), np.float64)


def _of(coefficient: Floats, term: Floats) -> Floats:
    return np.where(coefficient == 0, 0.0, coefficient * term)

"""The class of one element by ball arithmetic and rationals, where float64 cannot decide."""

from __future__ import annotations

import math
from fractions import Fraction

from conformance.dtype import Dtype, floor_log2
from conformance.exact import real
from conformance.proof import Element, prove
from conformance.sweep.classes import FLUSHED, LIMIT_LOST, LOST, NAN, OVERFLOW, WRONG_SIGN, half
from conformance.sweep.oracle import ARB


def classify(logit: float, label: float, got: float, quantity: str, dtype: Dtype) -> tuple[int, float]:
    """Class and distance in ULP of a finite result for a finite logit. Raises NotProven."""
    with ARB:
        exact = real(prove(Element(Fraction(logit) if logit else logit, Fraction(label)))[quantity])
    y, computed = Fraction(exact), Fraction(got)
    exponent = max(floor_log2(y), dtype.emin) if y else dtype.emin
    e = abs(computed - y) / Fraction(2) ** (exponent - dtype.precision + 1)
    distance = float(e)
    if computed * y < 0:
        return WRONG_SIGN, distance
    kind, edge = 0, Fraction(1, 2)
    while e > edge and edge <= half(dtype):
        edge *= 2
        kind += 1
    rounds_to_zero = abs(y) <= Fraction(dtype.smallest) / 2
    subnormal = 0 < abs(y) < Fraction(dtype.smallest_normal) and not rounds_to_zero
    if subnormal and kind > 0 and (got == 0 or abs(got) == dtype.smallest_normal):
        return FLUSHED, distance
    return (LOST if edge > half(dtype) else kind), distance


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

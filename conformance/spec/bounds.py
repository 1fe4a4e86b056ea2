"""The bounds of the clauses: the only place where a tolerance stands.

SPEC.md is this table as prose; a test holds the two together.

Where the bounds come from
--------------------------
A function that errs by at most k ULP has a relative error of at most ``k * 2**(1-p)``, and a relative error of
``k * 2**(1-p)`` is at most 2k ULP of a result whose ULP is at its narrowest ("wobble").

Both levels admit any library that keeps the OpenCL 3.0 full-profile budgets (exp 3, log1p 2, log 3, division 2.5 ULP).
They differ in the formula: *must* admits any of the usual ones, backward-stable ones included, hence the scaled ULP;
*should* asks for the well-conditioned form, two non-negative terms, hence the result ULP.

*must*:

- loss: exp 3, doubled by wobble (its condition number in log1p is at most 1), 6; log or log1p 3; the
  coefficient 1 - z, doubled by wobble, 1; two products 1; two additions 1. Total 12.
- gradient, in ulps of the larger of the two sigmoids, for mirror images have the same two: exp, doubled by wobble, 6;
  1 + exp, doubled, 1; division 2.5; coefficient 1 - z, doubled, 1; product 0.5; subtraction 0.5; half an ULP of slack
  for a second product. A formula may use either sigmoid, or both: their coefficients add up to one. Total 12.
- at logit 0, where exp is exact and 1/2 is a number of every format, the budget of the division does not count: a
  faithful sigmoid is 1 ULP of 1/2 off at most, the subtraction 0.5. Total 1.5.
- with weights: (q - 1) z + 1 is two roundings, 1; its product and that with w, 1. Total 14.
- second derivative: a product of two sigmoids, each 6 + 1 + 2.5 = 9.5; product 0.5; rounded up to 20.

*should*:

- loss: exp, doubled by wobble, 6; log1p 2; the coefficient 1 - z, doubled, 1; its product 0.5; the sum 0.5. Total 10.
- gradient: exp, doubled by wobble, 6; 1 + exp, doubled, 1; division 2.5; product 0.5. Total 10.
- second derivative: two such sigmoids, 2 * 9.5 = 19; product 0.5; rounded up to 20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """``ulps`` of the measure ``result`` or ``scaled``, for every dtype at its own precision."""

    ulps: float
    measure: str
    derivation: str


LOSS_MUST = Bound(12, "scaled", "exp 6 (3, wobble), log1p 3, 1 - z 1, two products 1, two additions 1")
LOSS_SHOULD = Bound(10, "result", "exp 6 (3, wobble), log1p 2, 1 - z 1, a product 0.5, the sum 0.5")
SUBNORMAL = Bound(7, "result", "exp 3 and log1p 3, not doubled where the ULP is constant; a product 1")
LOG_TWO = Bound(4, "result", "exp(0) is exact; log or log1p 3; a product and an addition 1")
GRADIENT_MUST = Bound(
    12, "scaled", "exp 6 (3, wobble), 1 + exp 1, division 2.5, 1 - z 1, two products 1, subtraction 0.5"
)
AT_ZERO = Bound(1.5, "scaled", "a faithful sigmoid 1, subtraction 0.5")
GRADIENT_SHOULD = Bound(10, "result", "exp 6 (3, wobble), 1 + exp 1, division 2.5, product 0.5")
WEIGHTED_MUST = Bound(14, "scaled", "the loss or gradient 12, (q - 1) z + 1 1, two products 1")
SECOND_MUST = Bound(20, "scaled", "two sigmoids 2 * 9.5, product 0.5, rounded up")
SECOND_SHOULD = Bound(20, "result", "two sigmoids 2 * 9.5, product 0.5, rounded up")
SYMMETRY = Bound(20, "result", "two evaluations, each within the should bound of 10")
AGREEMENT = Bound(24, "scaled", "two evaluations, each within the must bound of 12")


WHOLE = Bound(2.5, "result", "tails 0.5, the sum 0.5, 1 / n 1 (0.5, wobble), a product 0.5")
FLUSHED_BELOW = 2  # smallest normal numbers: 2^n m, 1 <= m < 2, is lost with 2^n where that is subnormal
HALF_SUMMATION = Bound(13, "scaled", "elements 12, a wider accumulator rounded once 1")
HALF = 24  # a format of fewer bits is a storage format: sums are accumulated in a wider one


def summation(n: int, precision: int) -> Bound:
    """Reductions of few elements: any order of summation.

    Recursive summation of n non-negative numbers has a relative error of at most (n - 1) u (Higham, "Accuracy and
    Stability of Numerical Algorithms", 2nd ed., eq. 4.4), which is n - 1 ULP with wobble; a division and the
    product with a weight add 1, the elements 12.
    """
    if precision < HALF:
        return HALF_SUMMATION
    return Bound(12 + (n - 1) + 1, "scaled", f"elements 12, recursive summation {n - 1}, division 1")


def large_summation(n: int, precision: int) -> Bound:
    """Reductions of many elements: pairwise or blocked summation, or a wider accumulator.

    Pairwise summation has a relative error of at most ``ceil(log2 n) u`` (Higham, section 4.2), which is
    ``ceil(log2 n)`` ULP with wobble; blocks of up to 128 elements summed recursively before that, as libraries do
    for speed, add 127 in the worst case and about sqrt(127) = 12 in practice; the bound takes the latter.
    """
    if precision < HALF:
        return HALF_SUMMATION
    steps = math.ceil(math.log2(n))
    return Bound(12 + steps + 12 + 1, "scaled", f"elements 12, pairwise {steps}, blocks 12, division 1")


def mean_agreement(n: int, precision: int) -> Bound:
    """Two means of the same elements, in another order: each within large_summation."""
    each = large_summation(n, precision)
    return Bound(2 * each.ulps, each.measure, f"two means, each: {each.derivation}")


def careless_summation(n: int, precision: int) -> Bound:
    """Reductions of many elements: a single accumulator of the result's own format.

    Any order of summation has a relative error of at most (n - 1) u (Higham, eq. 4.4). Where that is half of the digits
    or more it says nothing; there roundings that are independent count, which give at most ``4 sqrt(n) u`` with a
    probability of 0.999 (Higham and Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci.
    Comput. 41(5), 2019, theorem 3.1, lambda = 4): what goes beyond is off in one direction.
    """
    if precision < HALF:
        return HALF_SUMMATION
    if (n - 1) * 2.0**-precision <= 2.0 ** (-precision / 2):
        return summation(n, precision)
    drift = math.ceil(4 * math.sqrt(n))
    return Bound(12 + drift + 1, "scaled", f"elements 12, independent roundings 4 sqrt(n) = {drift}, division 1")


def whole_mean(n: int, precision: int) -> Bound:
    """The mean of whole losses: their sum is exact, unless 1 / n is multiplied into each of them before they are added.

    Then the roundings of any sum come back, in the format itself; not where it is a storage format.
    """
    if precision < HALF:
        return WHOLE
    roundings = careless_summation(n, precision).ulps - LOSS_MUST.ulps
    return Bound(roundings + 2, "result", f"1 / n 1 (0.5, wobble), products with it 1, their sum {roundings:.0f}")


# C: with weights, smoothing, a cotangent and a reduction together. `added` counts what a reduction adds.
CONFIGURED = Bound(
    17, "scaled", "weighted loss or gradient 14, smoothed label 2 (1, beside a pos_weight of 1/2), cotangent 0.5, slack"
)
CONFIGURED_FORWARD = Bound(19, "scaled", "four terms, each 17; three additions 1.5, rounded up")
CONFIGURED_SECOND = Bound(25, "scaled", "two sigmoids 20, weights 2, smoothed label 2, two products 1")
CONFIGURED_SHOULD = Bound(13, "result", "the should bound 10, (1 - z) + q z 2 (1, wobble), weight and cotangent 1")


def added(bound: Bound, n: int, precision: int) -> Bound:
    """A bound of elements for the sum of n of them, divided; any order of summation, as in ``careless_summation``."""
    steps = careless_summation(n, precision).ulps - LOSS_MUST.ulps
    return Bound(bound.ulps + steps, bound.measure, f"{bound.derivation}; {n} of them added and divided {steps:g}")


def of_subnormal_shares(bound: Bound, smallest_normal: float) -> float:
    """What a term of one adds to a result's scale, so that the bound admits a mean's share of the cotangent, rounded.

    A mean hands each element c / n, in float16 a subnormal number from n = 16,384 c on: half a step of 2^(emin - p + 1)
    is off whatever its size, times the term. An ULP is 2^-p of its number at least, which leaves
    ``bound * 2^-p * scale = 2^(emin - p) * term``.
    """
    return smallest_normal / bound.ulps


# P: the same operator on probabilities, by the budgets of the docstring above; no exponential is left in it.
PROBABILITY_MUST = Bound(
    16, "scaled", "log of each term 12 (2 * 3, wobble), 1 - p 1, 1 - z 1, two products 1, their sum 0.5, rounded up"
)
PROBABILITY_SHOULD = Bound(
    8, "result", "two terms of one sign: log or log1p 6 (3, wobble), 1 - z 1 (0.5, wobble), product 0.5, sum 0.5"
)
SLOPE_MUST = Bound(
    14,
    "scaled",
    "division of each term 10 (2 * 2.5, wobble), 1 - p 1, 1 - z 1, two products 1, difference 0.5, rounded up",
)
SLOPE_SHOULD = Bound(
    6.5, "result", "(p - z) / (p (1 - p)): p - z 1, 1 - p 1, product 1, each 0.5, wobble; division 2.5; two products 1"
)

"""What a function of probabilities promises for a case: exact results after its documented clamp, and what it clamps.

A clip to [eps, 1 - eps] can be read in two ways where one of its ends is no number of the dtype: as the documented
number, which a function that computes in a wider dtype keeps, or as the nearest number of the dtype. In float16 the
nearest number to 1 - 1e-7 is 1, so the second reading clips nothing there, and an infinite loss is its limit. Neither
reading ever has NaN. A result is right if it is right by one of them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from conformance.adapter import Clamp
from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Exact, real
from conformance.arithmetic.probability import PLAIN, Reading, prove
from conformance.arithmetic.ulp import Errors
from conformance.golden.case import Case
from conformance.golden.prove import probability_element
from conformance.spec.verdict import Mask


@dataclass(frozen=True, eq=False)
class Promise:
    """Exact results of a case's elements in C order, by each reading, and which elements some reading clamps."""

    readings: tuple[dict[str, Exact], ...]
    clamped: Mask


def readings(clamp: Clamp | None, dtype: Dtype) -> tuple[Reading, ...]:
    """The ways to read a clamp in a dtype; the operator itself if there is none."""
    if clamp is None:
        return (PLAIN,)
    value = Fraction(clamp.value)
    if clamp.kind == "logarithm":
        return (Reading(floor=value),)
    nearest = Reading(*(Fraction(dtype.round(end)) for end in (value, 1 - value)))
    return tuple(dict.fromkeys((Reading(value, 1 - value), nearest)))


@functools.cache
def promise(case: Case, dtype: Dtype, clamp: Clamp | None) -> Promise:
    """What is promised. Raises NotProven as the proofs do; a case without a clamp has its golden results."""
    ways = readings(clamp, dtype)
    elements = [probability_element(each) for each in case.elements(dtype)]
    clamped = np.array([any(way.holds(each.probability) for way in ways) for each in elements], np.bool_)
    if clamp is None:
        return Promise(({name: case.exact(name, dtype) for name in ("loss", "gradient")},), clamped)
    results = ([prove(each, way) for each in elements] for way in ways)
    return Promise(
        tuple({name: Exact.of(real(each[name]) for each in way) for name in ("loss", "gradient")} for way in results),
        clamped,
    )


def nearest(found: Sequence[Errors]) -> Errors:
    """Of the errors by each reading, the smallest for each element."""
    best, *others = found
    for other in others:
        nearer = (other.scaled_ulp < best.scaled_ulp) | (
            (other.kind < best.kind) & ~(best.scaled_ulp < other.scaled_ulp)
        )
        best = Errors(
            best.dtype,
            best.got,
            Exact(*(np.where(nearer, *pair) for pair in zip(_parts(other.exact), _parts(best.exact), strict=True))),
            *(
                np.where(nearer, getattr(other, name), getattr(best, name))
                for name in ("kind", "result_ulp", "scaled_ulp")
            ),
        )
    return best


def _parts(exact: Exact) -> tuple[np.ndarray, ...]:
    return exact.hi, exact.lo, exact.exponent

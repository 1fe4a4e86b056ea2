"""R: sums and means, and what they divide by."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

from conformance.adapter import NotOffered
from conformance.arithmetic.ulp import measure
from conformance.judging.docket import Docket, Hearing
from conformance.judging.examination import Examination
from conformance.judging.reduce import gradient, reduced
from conformance.spec.bounds import (
    LOSS_MUST,
    WEIGHTED_MUST,
    WHOLE,
    Bound,
    careless_summation,
    large_summation,
    summation,
    whole_mean,
)
from conformance.spec.outcome import Deviates, Outcome
from conformance.spec.verdict import Judged, both, within


def small(examination: Examination) -> Outcome:
    return _each(examination, lambda _, n, precision: summation(n, precision))


def large(examination: Examination) -> Outcome:
    return _each(examination, lambda _, n, precision: large_summation(n, precision))


def enormous(examination: Examination) -> Outcome:
    return _each(examination, lambda _, n, precision: careless_summation(n, precision))


def whole(examination: Examination) -> Outcome:
    """Asked of those whose own losses are the whole numbers: their sum is exact, whatever the order."""
    case, dtype = examination.case, examination.dtype
    exact = case.exact("loss", dtype)
    smallest = min(each for each in np.rint(exact.approximate()) if each)
    got = examination.run(examination.call()).astype(np.float64).ravel()
    if (measure(got, exact, np.full(len(got), smallest), dtype).scaled_ulp > 0.5).any():
        raise NotOffered("its own losses are not the whole numbers, correctly rounded")

    def bound(reduction: str, n: int, precision: int) -> Bound:
        return {"mean": whole_mean(n, precision)}.get(reduction, WHOLE)

    verdict = _each(examination, bound)
    return verdict if isinstance(verdict, Deviates) else both([verdict, *_gradients(examination)])


def _gradients(examination: Examination) -> Iterator[Judged]:
    """The gradients of the reductions that are offered, by an adapter that differentiates."""
    for reduction in examination.case.reductions:
        with contextlib.suppress(NotOffered):
            yield within(gradient(examination, reduction), WEIGHTED_MUST)


def _each(examination: Examination, bound: Callable[[str, int, int], Bound]) -> Judged:
    """Every reduction of the case that the implementation has; all of them must hold."""
    count = examination.case.texts["logits"].size * examination.case.repeat
    found: list[Judged] = []
    refused = ""
    for reduction in examination.case.reductions:
        try:
            found.append(_one(examination, reduction, bound(reduction, count, examination.dtype.precision)))
        except NotOffered as reason:
            refused = refused or str(reason)
    if not found:
        raise NotOffered(refused)
    return both(found)


def _one(examination: Examination, reduction: str, bound: Bound) -> Judged:
    if reduction == "none":
        return within(examination.compare(examination.run(examination.call())), LOSS_MUST, examination.elements())
    return reduced(examination, reduction, bound)


CHECKS = {"R1": small, "R2": small, "R3": large, "R4": small, "R5": small, "R6": enormous, "R7": whole}


def test_reductions(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

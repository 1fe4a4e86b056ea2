"""R: sums and means, and what they divide by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conformance.adapter import NotOffered
from conformance.docket import Docket, Hearing
from conformance.examination import Examination
from conformance.outcome import Outcome
from conformance.reduce import reduced
from conformance.spec import LOSS_MUST, WHOLE, Bound, careless_summation, large_summation, summation
from conformance.ulp import measure
from conformance.verdict import Judged, both, within


def small(examination: Examination) -> Outcome:
    return _each(examination, summation)


def large(examination: Examination) -> Outcome:
    return _each(examination, large_summation)


def enormous(examination: Examination) -> Outcome:
    return _each(examination, careless_summation)


def whole(examination: Examination) -> Outcome:
    """Asked of those whose own losses are the whole numbers: their sum is exact, whatever the order."""
    case, dtype = examination.case, examination.dtype
    exact = case.exact("loss", dtype)
    smallest = min(each for each in np.rint(exact.approximate()) if each)
    got = examination.run(examination.call()).astype(np.float64).reshape(-1)
    if (measure(got, exact, np.full(len(got), smallest), dtype).scaled_ulp > 0.5).any():
        raise NotOffered("its own losses are not the whole numbers, correctly rounded")
    return _each(examination, lambda *_: WHOLE)


def _each(examination: Examination, bound: Callable[[int, int], Bound]) -> Outcome:
    """Every reduction of the case that the implementation has; all of them must hold."""
    count = examination.case.texts["logits"].size * examination.case.repeat
    found: list[Judged] = []
    refused = ""
    for reduction in examination.case.reductions:
        try:
            found.append(_one(examination, reduction, bound(count, examination.dtype.precision)))
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

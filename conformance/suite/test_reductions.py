"""R: sums and means, and what they divide by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conformance.adapter import NotOffered
from conformance.docket import Docket, Hearing
from conformance.examination import Examination, require_reduction
from conformance.outcome import Conforms, Deviates, Outcome
from conformance.reduce import reduced, tiled
from conformance.spec import LOSS_MUST, Bound, large_summation, summation
from conformance.verdict import within


def small(examination: Examination) -> Outcome:
    return _each(examination, summation)


def large(examination: Examination) -> Outcome:
    return _each(examination, large_summation)


def no_overflow(examination: Examination) -> Outcome:
    require_reduction(examination, "mean")
    got = examination.run(tiled(examination, "mean")).astype(np.float64)
    # A count that overflowed, below a sum that did not, gives a mean of zero; none of these means is.
    if np.isfinite(got).all() and (got != 0).all():
        return Conforms({"mean": float(got)})
    signature = "nan" if np.isnan(got).any() else "overflow" if np.isinf(got).any() else "wrong-value"
    return Deviates(signature, f"the mean is {got}")


def _each(examination: Examination, bound: Callable[[int], Bound]) -> Outcome:
    """Every reduction of the case that the implementation has; all of them must hold."""
    count = examination.case.texts["logits"].size * examination.case.repeat
    verdict: Outcome | None = None
    refused = ""
    for reduction in examination.case.reductions:
        try:
            verdict = _one(examination, reduction, bound(count))
        except NotOffered as reason:
            refused = refused or str(reason)
            continue
        if isinstance(verdict, Deviates):
            return verdict
    if verdict is None:
        raise NotOffered(refused)
    return verdict


def _one(examination: Examination, reduction: str, bound: Bound) -> Outcome:
    if reduction == "none":
        return within(examination.compare(examination.run(examination.call())), LOSS_MUST, examination.elements())
    return reduced(examination, reduction, bound)


CHECKS = {"R1": small, "R2": small, "R3": large, "R4": no_overflow, "R5": small}


def test_reductions(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

"""E: what must be refused."""

from __future__ import annotations

import numpy as np

from conformance.adapter import NotOffered
from conformance.judging.docket import Docket, Hearing
from conformance.judging.examination import Examination
from conformance.spec.clauses import bound
from conformance.spec.outcome import Conforms, Deviates, Outcome
from conformance.spec.verdict import within


def raises(examination: Examination) -> Outcome:
    reduction, implementation = examination.case.reductions[0], examination.runner.implementation
    # A reduction that is a function of its own is no argument that could be refused.
    apart = any(each.wrap != "{}" for each in implementation.reductions.values())
    if reduction != "none" and (apart or not implementation.offers("reduction")):
        raise NotOffered("it has no reduction of its own")
    try:
        got = examination.run_or_refusal(examination.call(reduction=reduction))
    except KeyError as error:
        if error.args != (reduction,):
            raise
        got = "KeyError"  # a table of reductions has no such one
    if isinstance(got, str):
        return Conforms({"observed": f"raises {got}"})
    return Deviates("no-error", f"gave {got.dtype.name} {np.asarray(got).ravel()[:4].tolist()}")


def labels_outside(examination: Examination) -> Outcome:
    got = examination.run_or_refusal(examination.call())
    if isinstance(got, str):
        return Conforms({"observed": f"raises {got}"})
    verdict = within(examination.compare(got), bound("E2"), examination.elements())
    return verdict if isinstance(verdict, Deviates) else Conforms({"observed": "the formula's value"}, verdict.worst)


CHECKS = {"E1": raises, "E2": labels_outside}


def test_errors(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

"""V: the loss of every element."""

from __future__ import annotations

import numpy as np

from conformance.arithmetic.ulp import Kind
from conformance.judging.docket import Docket, Hearing
from conformance.judging.examination import Examination
from conformance.spec.clauses import bound
from conformance.spec.outcome import Conforms, Deviates, Outcome
from conformance.spec.verdict import good, outcome, within


def finite_and_non_negative(examination: Examination) -> Outcome:
    errors = examination.errors()
    broken = outcome(errors, np.isfinite(errors.got), examination.elements())
    if isinstance(broken, Deviates):
        return broken
    return outcome(errors, errors.got >= 0, examination.elements(), forced="negative")


def scaled_accuracy(examination: Examination) -> Outcome:
    return within(examination.errors(), bound("V2"), examination.elements())


def result_accuracy(examination: Examination) -> Outcome:
    return within(examination.errors(), bound("V3"), examination.elements())


def infinite_limits(examination: Examination) -> Outcome:
    errors = examination.errors()
    infinite = np.isinf(examination.elements()[0])
    return outcome(errors, good(errors, bound("V4")), examination.elements(), bound("V4"), judged=infinite)


def nan_propagates(examination: Examination) -> Outcome:
    return within(examination.errors(), bound("V5"), examination.elements())


def subnormals(examination: Examination) -> Outcome:
    errors = examination.errors()
    tiny = np.abs(errors.exact.approximate()) < examination.dtype.smallest_normal
    right = (errors.kind == Kind.DISTANCE) & (errors.result_ulp <= bound("V6").ulps)
    flushed = errors.kind == Kind.FLUSHED
    verdict = outcome(errors, right | flushed, examination.elements(), bound("V6"), judged=tiny)
    if isinstance(verdict, Deviates):
        return verdict
    observed = {(False, True): "gradual", (True, False): "flushed", (True, True): "mixed"}.get(
        (bool(flushed.any()), bool((right & tiny).any())), "none"
    )
    return Conforms({**verdict.measures, "observed": observed}, verdict.worst)


def log_two_at_zero(examination: Examination) -> Outcome:
    return within(examination.errors(), bound("V7"), examination.elements())


CHECKS = {
    "V1": finite_and_non_negative,
    "V2": scaled_accuracy,
    "V3": result_accuracy,
    "V4": infinite_limits,
    "V5": nan_propagates,
    "V6": subnormals,
    "V7": log_two_at_zero,
}


def test_values(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

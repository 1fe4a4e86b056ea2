"""P: the operator on probabilities, after the clamp that the function's documentation promises."""

from __future__ import annotations

import numpy as np

from conformance.adapter import NotOffered
from conformance.arithmetic.ulp import Errors, Kind, measure
from conformance.judging.clamped import Promise, nearest, promise
from conformance.judging.docket import Docket, Hearing
from conformance.judging.examination import Examination
from conformance.judging.exercise import scale
from conformance.judging.twin import same_bits, twin_of
from conformance.spec.clauses import bound
from conformance.spec.outcome import Outcome
from conformance.spec.verdict import Mask, good, outcome


def scaled_accuracy(examination: Examination) -> Outcome:
    return _within(examination, "P1", "loss", _inside(examination))


def result_accuracy(examination: Examination) -> Outcome:
    return _within(examination, "P2", "loss", _inside(examination))


def slope(examination: Examination) -> Outcome:
    return _within(examination, "P3", "gradient", _inside(examination) & ~_promise(examination).clamped)


def loss_of_certainty(examination: Examination) -> Outcome:
    return _within(examination, "P4", "loss", ~_inside(examination))


def finite(examination: Examination) -> Outcome:
    """NaN and an infinity that nobody promised, whatever the distance is."""
    errors = _errors(examination, "gradient")
    return outcome(errors, ~np.isin(errors.kind, (Kind.NAN, Kind.OVERFLOW)), examination.elements())


def slope_in_full(examination: Examination) -> Outcome:
    return _within(examination, "P6", "gradient", _inside(examination) & ~_promise(examination).clamped)


def slope_of_certainty(examination: Examination) -> Outcome:
    return _within(examination, "P7", "gradient", ~_inside(examination) & ~_promise(examination).clamped)


def same_as_function(examination: Examination) -> Outcome:
    """With every reduction that it has, and a cotangent of ones."""
    reductions = examination.runner.implementation.reductions
    calls = (examination.with_cotangent(examination.call(reduction=each)) for each in reductions)
    return same_bits(examination, twin_of(examination), calls)


def _within(examination: Examination, clause: str, quantity: str, judged: Mask) -> Outcome:
    """The elements that the clause judges. Raises NotOffered if documentation clamps every one of them."""
    if not judged.any():
        raise NotOffered("its documentation clamps all of these")
    errors, limit = _errors(examination, quantity), bound(clause)
    return outcome(errors, good(errors, limit), examination.elements(), limit, judged=judged)


def _errors(examination: Examination, quantity: str) -> Errors:
    """What was computed against what is promised, by the reading that is nearest."""
    case, dtype = examination.case, examination.dtype
    got = examination.errors(quantity).got
    scales = scale(case, quantity, dtype)
    return nearest([measure(got, way[quantity], scales, dtype) for way in _promise(examination).readings])


def _promise(examination: Examination) -> Promise:
    return promise(examination.case, examination.dtype, examination.runner.implementation.clamp)


def _inside(examination: Examination) -> Mask:
    return ~np.isin(examination.elements()[0], (0, 1))


CHECKS = {
    "P1": scaled_accuracy,
    "P2": result_accuracy,
    "P3": slope,
    "P4": loss_of_certainty,
    "P5": finite,
    "P6": slope_in_full,
    "P7": slope_of_certainty,
    "P8": same_as_function,
}


def test_probabilities(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

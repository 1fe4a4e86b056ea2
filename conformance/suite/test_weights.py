"""W: weight, pos_weight and label smoothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from conformance.adapter import NotOffered
from conformance.judging.docket import Docket, Hearing
from conformance.judging.examination import Examination
from conformance.judging.masks import nan_or_zero
from conformance.judging.reduce import divisor, gradient, reduced
from conformance.spec.bounds import WEIGHTED_MUST, summation
from conformance.spec.clauses import bound
from conformance.spec.outcome import Conforms, Deviates, Outcome
from conformance.spec.verdict import Judged, both, good, named, outcome, within


def weighted(examination: Examination) -> Outcome:
    """Loss and gradient of the weighted elements."""
    results = examination.run_both(examination.call())
    return both(
        within(examination.compare(got, quantity), WEIGHTED_MUST, examination.elements())
        for quantity, got in results.items()
    )


def zero_weight(examination: Examination) -> Outcome:
    weight = np.broadcast_to(examination.case.operand("weight", examination.dtype), examination.case.shape)
    off = weight.ravel() == 0
    ordinary = np.isfinite(examination.elements()[0])
    got = examination.run_both(examination.call())
    if "gradient" not in got:
        raise NotOffered("the adapter does not differentiate")
    errors = examination.compare(got["gradient"], "gradient")
    removed = (errors.got == 0) | (np.isnan(errors.got) & ~ordinary)
    verdict = outcome(errors, removed, examination.elements(), forced="not-exact", judged=off)
    # Where all logits are finite, W1 looks at the others.
    if not isinstance(verdict, Deviates) and not ordinary.all():
        verdict = outcome(errors, good(errors, bound("W4")), examination.elements(), bound("W4"), judged=~off)
    masked = errors.got[off & ~ordinary]
    if isinstance(verdict, Deviates) or not len(masked):
        return verdict
    observed = "nan" if np.isnan(masked).any() else "zero"
    return Conforms({"gradient_of_infinite_logit_under_zero_weight": observed})


def zero_over_infinite(examination: Examination) -> Outcome:
    """The elements under a zero weight, then every reduction that the case names and the implementation has."""
    return both(_removed(examination))


def zero_over_nan(examination: Examination) -> Outcome:
    """NaN or zero in an element that is NaN under a zero weight, and what is right in every other one."""
    x, z = examination.elements()
    results = examination.run_both(examination.call())
    return nan_or_zero(
        {name: examination.compare(got, name) for name, got in results.items()},
        {"nan": np.isnan(x) | np.isnan(z)},
        (x, z),
    )


def ignored(examination: Examination) -> Outcome:
    """Exact zeros where a label is ignored, the formula elsewhere, and reductions of what is left."""
    return both(_without_ignored(examination))


def _removed(examination: Examination) -> Iterator[Judged]:
    weight = np.broadcast_to(examination.case.operand("weight", examination.dtype), examination.case.shape)
    elements = examination.elements()
    off = (weight.ravel() == 0) & np.isinf(elements[0])
    for quantity, got in examination.run_both(examination.call()).items():
        errors = examination.compare(got, quantity)
        yield named(quantity, outcome(errors, errors.got == 0, elements, bound("W6"), judged=off))
    yield from _reductions(examination)


def _without_ignored(examination: Examination) -> Iterator[Judged]:
    off = np.broadcast_to(examination.case.ignored(examination.dtype), examination.case.shape).ravel()
    for quantity, got in examination.run_both(examination.call()).items():
        errors = examination.compare(got, quantity)
        exact = outcome(errors, errors.got == 0, examination.elements(), forced="not-exact", judged=off)
        yield named(quantity, exact)
        yield named(quantity, within(errors, bound("W8"), examination.elements()))
    yield from _reductions(examination)


def _reductions(examination: Examination) -> Iterator[Judged]:
    """Each reduction of the case that is offered, and its gradient unless nothing is left to divide by."""
    case, dtype = examination.case, examination.dtype
    limit = summation(case.texts["logits"].size, dtype.precision)
    for reduction in case.reductions:
        kind = examination.runner.implementation.reductions.get(reduction)
        if reduction == "none" or kind is None:
            continue
        yield named(f"loss of the {reduction}", reduced(examination, reduction, limit))
        if divisor(case, dtype, kind.divisor):
            with contextlib.suppress(NotOffered):
                verdict = within(gradient(examination, reduction), WEIGHTED_MUST, examination.elements())
                yield named(f"gradient of the {reduction}", verdict)


CHECKS = {
    "W1": weighted,
    "W2": weighted,
    "W3": weighted,
    "W4": zero_weight,
    "W5": weighted,
    "W6": zero_over_infinite,
    "W7": zero_over_nan,
    "W8": ignored,
}


def test_weights(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

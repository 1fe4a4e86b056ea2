"""G: derivatives, each by the framework's own differentiation."""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction

import numpy as np

from conformance.adapter import NotOffered
from conformance.arithmetic.exact import Exact
from conformance.arithmetic.ulp import Errors, measure
from conformance.judging.docket import Docket, Hearing
from conformance.judging.examination import Examination, others
from conformance.judging.exercise import scale
from conformance.judging.masks import nan_or_zero
from conformance.spec.clauses import bound
from conformance.spec.outcome import Conforms, Deviates, Outcome
from conformance.spec.verdict import both, good, outcome, within
from conformance.subjects.subject import native


def scaled_accuracy(examination: Examination) -> Outcome:
    return within(examination.errors("gradient"), bound("G1"), examination.elements())


def result_accuracy(examination: Examination) -> Outcome:
    return within(examination.errors("gradient"), bound("G2"), examination.elements())


def half_at_zero(examination: Examination) -> Outcome:
    errors = examination.errors("gradient")
    at_zero = examination.elements()[0] == 0
    return outcome(errors, good(errors, bound("G3")), examination.elements(), bound("G3"), judged=at_zero)


def finite(examination: Examination) -> Outcome:
    errors = examination.errors("gradient")
    return outcome(errors, np.isfinite(errors.got), examination.elements())


def label_gradient(examination: Examination) -> Outcome:
    errors = examination.derived(lambda: examination.errors("label_gradient"), "labels")
    return within(errors, bound("G5"), examination.elements())


def second_derivative(examination: Examination) -> Outcome:
    errors = examination.derived(lambda: examination.errors("curvature"), "logits, twice")
    return within(errors, bound("G6"), examination.elements())


def second_derivative_tails(examination: Examination) -> Outcome:
    errors = examination.derived(lambda: examination.errors("curvature"), "logits, twice")
    return within(errors, bound("G11"), examination.elements())


def forward_mode(examination: Examination) -> Outcome:
    forward = examination.derived(lambda: examination.errors("tangent", "gradient"), "logits, forward")
    verdict = within(forward, bound("G7"), examination.elements())
    if isinstance(verdict, Deviates):
        return verdict
    reverse = examination.errors("gradient")
    same = bool((forward.got == reverse.got).all())
    return Conforms({**verdict.measures, "equal_to_reverse_mode": same}, verdict.worst)


def linear_in_cotangent(examination: Examination) -> Outcome:
    offered = [each for each in ("sum", "mean") if each in examination.runner.implementation.reductions]
    # One after the other: what follows a deviation is not computed.
    errors = itertools.chain([examination.errors("gradient")], (_through(examination, each) for each in offered))
    return both(within(each, bound("G8"), examination.elements()) for each in errors)


def weight_gradients(examination: Examination) -> Outcome:
    operands = [name for name in ("weight", "pos_weight") if name in examination.case.texts]
    return both(within(_summed(examination, operand), bound("G9")) for operand in operands)


def limits(examination: Examination) -> Outcome:
    errors = examination.errors("gradient")
    infinite = np.isinf(examination.elements()[0])
    return outcome(errors, good(errors, bound("G10")), examination.elements(), bound("G10"), judged=infinite)


def forward_mode_along_others(examination: Examination) -> Outcome:
    """Along each other operand that the case names or, if it names none, along the labels."""
    verdict: Outcome | None = None
    refused: list[NotOffered] = []
    for operand in others(examination.case):
        try:
            tangent = examination.tangent(operand)
        except NotOffered as reason:
            refused.append(reason)
            continue
        golden = f"{operand.removesuffix('s')}_gradient"
        verdict = within(examination.compare(tangent, golden), bound("G12"), examination.elements())
        if isinstance(verdict, Deviates):
            return dataclasses.replace(verdict, detail=f"along {operand}: {verdict.detail}")
    if verdict is None:
        raise refused[0]
    return verdict


def zero_cotangent(examination: Examination) -> Outcome:
    """Over infinite and NaN elements: NaN or zero, and what is right in every other element."""
    x, z = examination.elements()
    nan = np.isnan(x) | np.isnan(z)
    return nan_or_zero(
        {"gradient": examination.errors("gradient")}, {"nan": nan, "infinite": np.isinf(x) & ~nan}, (x, z)
    )


def _through(examination: Examination, reduction: str) -> Errors:
    """The gradient of a reduced loss for a cotangent of 3, against 3 g (sum) or 3 g / n (mean)."""
    case, dtype = examination.case, examination.dtype
    cotangent = 3
    got = examination.run(examination.call(reduction=reduction), "gradient", native(np.array(cotangent), dtype))
    given = np.broadcast_to(case.operand("cotangent", dtype), case.shape).ravel()
    count = len(given) if reduction == "mean" else 1
    factor = Fraction(cotangent, count)
    # A cotangent of zero leaves nothing to recover the gradient from.
    kept = np.flatnonzero(given != 0)
    reals = case.reals("gradient", dtype)
    exact = Exact.of(Fraction(reals[index]) / Fraction(given[index]) * factor for index in kept)
    scales = scale(case, "gradient", dtype)[kept] / np.abs(given[kept]) * float(factor)
    return measure(got.astype(np.float64).ravel()[kept], exact, scales, dtype)


def _summed(examination: Examination, operand: str) -> Errors:
    """The gradient with respect to a weight: where it was broadcast, the exact sum over what it reached."""
    case, dtype = examination.case, examination.dtype
    quantity = f"{operand}_gradient"
    cotangent = None
    if "cotangent" in case.texts:
        cotangent = native(np.broadcast_to(case.operand("cotangent", dtype), case.shape), dtype)
    got = examination.derived(lambda: examination.run(examination.call(), quantity, cotangent), operand)
    shape = case.texts[operand].shape
    owner = np.broadcast_to(np.arange(int(np.prod(shape))).reshape(shape), case.shape).ravel()
    sums = [Fraction(0)] * int(np.prod(shape))
    scales = np.zeros(len(sums))
    for index, value in enumerate(case.reals(quantity, dtype)):
        sums[owner[index]] += Fraction(value)
        scales[owner[index]] += scale(case, quantity, dtype)[index]
    return measure(got.astype(np.float64).ravel(), Exact.of(sums), scales, dtype)


CHECKS = {
    "G1": scaled_accuracy,
    "G2": result_accuracy,
    "G3": half_at_zero,
    "G4": finite,
    "G5": label_gradient,
    "G6": second_derivative,
    "G7": forward_mode,
    "G8": linear_in_cotangent,
    "G9": weight_gradients,
    "G10": limits,
    "G11": second_derivative_tails,
    "G12": forward_mode_along_others,
    "G13": zero_cotangent,
}


def test_gradients(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

"""Exact reductions of a case: what sum and each kind of mean must give."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np

from conformance.adapter import Array
from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Exact, Real, total
from conformance.arithmetic.ulp import Errors, measure
from conformance.golden.case import Case
from conformance.judging.examination import Examination
from conformance.judging.exercise import scale
from conformance.judging.offers import require_reduction
from conformance.spec.bounds import Bound
from conformance.spec.outcome import Conforms, Deviates
from conformance.spec.verdict import Judged, within
from conformance.subjects.subject import Call, native

DIVISORS = ("numel", "sum_of_weights", "nonzero_weights", "batch", "pixels", "all")


def tiled(examination: Examination, reduction: str) -> Call:
    """The case's call with its elements repeated, as a one-dimensional tensor if they are."""
    call = examination.call(reduction=reduction)
    repeat = examination.case.repeat
    if repeat == 1:
        return call
    operands = {name: np.tile(array.reshape(-1), repeat) for name, array in call.operands.items()}
    return dataclasses.replace(call, operands=operands, layout="contiguous")


def exact_sum(case: Case, dtype: Dtype) -> Real:
    """The exact sum of the exact weighted elements, repeats included."""
    value = total(case.reals("loss", dtype))
    return value * case.repeat


def divisor(case: Case, dtype: Dtype, kind: str) -> Fraction:
    """What a mean of this kind divides by: 1 for a sum. Ignored elements are counted by 'all' only."""
    count = Fraction(case.texts["logits"].size * case.repeat)
    sizes: dict[str, int | Fraction] = {
        "": 1,
        "batch": case.shape[0] if case.shape else 1,
        "pixels": int(np.prod(case.shape[-2:])),
        "all": count,
    }
    if kind in sizes:
        return Fraction(sizes[kind])
    if kind == "numel" or "weight" not in case.texts:
        return count - int(case.ignored(dtype).sum()) * case.repeat
    weights = [Fraction(float(w)) for w in np.broadcast_to(case.operand("weight", dtype), case.shape).flat]
    if kind == "nonzero_weights":
        return Fraction(sum(w != 0 for w in weights) * case.repeat)
    return sum(weights, Fraction(0)) * case.repeat


def compare(examination: Examination, got: Array, kind: str) -> Errors:
    """One reduced number against the exact sum over the exact divisor."""
    case, dtype = examination.case, examination.dtype
    below = divisor(case, dtype, kind)
    value = exact_sum(case, dtype)
    exact = Exact.of([value / below if isinstance(value, Fraction) else value])
    scales = np.array([float(scale(case, "loss", dtype).sum()) * case.repeat / float(below)])
    return measure(got.astype(np.float64).reshape(-1), exact, scales, dtype)


def reduced(examination: Examination, reduction: str, bound: Bound) -> Judged:
    """Judge one reduction; a mean that fits another divisor is named as such."""
    require_reduction(examination.runner, reduction)
    kind = examination.runner.implementation.reductions[reduction].divisor
    got = examination.run(tiled(examination, reduction))
    if got.shape != ():
        return Deviates("wrong-shape", f"the {reduction} has the shape {list(got.shape)}")
    if divisor(examination.case, examination.dtype, kind) == 0:
        return _of_nothing(got)
    verdict = within(compare(examination, got, kind), bound)
    if isinstance(verdict, Deviates) and kind:
        for other in DIVISORS:
            possible = len(examination.case.shape) > 1 or other not in ("batch", "pixels")
            if (
                other != kind
                and possible
                and divisor(examination.case, examination.dtype, other)
                and not isinstance(within(compare(examination, got, other), bound), Deviates)
            ):
                detail = f"the {reduction} divides by {other}, documented is {kind}"
                return Deviates("wrong-divisor", detail, verdict.measures, verdict.worst)
    return verdict


def gradient(examination: Examination, reduction: str) -> Errors:
    """The gradient of one reduction, for a cotangent of 1, against the exact one: g, or g / n under a mean over all."""
    case, dtype = examination.case, examination.dtype
    require_reduction(examination.runner, reduction)
    call = tiled(examination, reduction)
    got = examination.run(call, "gradient", native(np.array(1.0), dtype)).astype(np.float64).reshape(-1)
    below = divisor(case, dtype, examination.runner.implementation.reductions[reduction].divisor)
    exact = Exact.of(Fraction(value) / below for value in case.reals("gradient", dtype))
    owner = np.tile(np.arange(len(exact)), case.repeat)
    return measure(got, exact[owner], scale(case, "gradient", dtype)[owner] / float(below), dtype)


def _of_nothing(got: Array) -> Judged:
    """A mean over no weight at all has no value: 0 and NaN are both in use, and recorded."""
    value = float(got.astype(np.float64))
    if value == 0 or np.isnan(value):
        return Conforms({"observed": str(value)})
    return Deviates("wrong-value", f"a mean over weights that are all zero is {value}")

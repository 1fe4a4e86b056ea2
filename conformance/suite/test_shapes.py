"""S: shapes and layouts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from conformance.adapter import Array, NotOffered
from conformance.docket import Docket
from conformance.examination import Examination
from conformance.outcome import Conforms, Deviates, Measure, Outcome
from conformance.spec import GRADIENT_MUST, bound
from conformance.subject import Call
from conformance.verdict import within

# Gradients are checked in every shape too; where the adapter has none, the loss alone is.
Axes = tuple[int, ...]


def same_shape(examination: Examination) -> Outcome:
    got = examination.run(examination.call())
    if got.shape != examination.case.shape:
        return Deviates("wrong-shape", f"got {list(got.shape)}, the logits have {list(examination.case.shape)}")
    return Conforms({"shape": str(list(got.shape))})


def values_in_shape(examination: Examination) -> Outcome:
    verdict = same_shape(examination)
    for axes in _layouts(examination):
        if isinstance(verdict, Deviates):
            return verdict
        verdict = _values(examination, axes)
    return verdict


def zero_dimensional(examination: Examination) -> Outcome:
    return values_in_shape(examination)


def same_bits_in_any_shape(examination: Examination) -> Outcome:
    call = examination.call()
    flat = Call({name: array.reshape(-1) for name, array in call.operands.items()})
    size = examination.case.texts["logits"].size
    for quantity in ("loss", "gradient"):
        try:
            own = examination.run(call, quantity)
        except NotOffered:
            continue
        if own.size != size:
            return Deviates("wrong-shape", f"the {quantity} has {own.size} elements, the logits {size}")
        forms = {"flattened": examination.run(flat, quantity).reshape(-1)}
        for axes in _permutations(call.operands["logits"].ndim):
            moved = Call({name: np.ascontiguousarray(array.transpose(axes)) for name, array in call.operands.items()})
            result = examination.run(moved, quantity)
            forms[f"with axes {axes}"] = result.transpose(np.argsort(axes)).reshape(-1)
        for form, result in forms.items():
            if not _same_bits(own.reshape(-1), result):
                count = int((_bits(own.reshape(-1)) != _bits(result)).sum())
                return Deviates("differs", f"{count} of {size} elements of the {quantity} differ {form}")
    return Conforms({"elements": size})


def empty(examination: Examination) -> Outcome:
    call = examination.call()
    unreduced = examination.run(call)
    if unreduced.shape != examination.case.shape:
        return Deviates("wrong-shape", f"an empty input gave the shape {list(unreduced.shape)}")
    observed: dict[str, Measure] = {"none": str(list(unreduced.shape))}
    for reduction, allowed in (("sum", (0.0,)), ("mean", (0.0, float("nan")))):
        if reduction not in examination.runner.implementation.reductions:
            continue
        got = examination.run(dataclasses.replace(call, reduction=reduction)).astype(np.float64)
        if got.shape != () or not any(np.array_equal(got, value, equal_nan=True) for value in allowed):
            return Deviates("wrong-value", f"the {reduction} of nothing is {got}")
        observed[reduction] = str(float(got))
    return Conforms(observed)


def views(examination: Examination) -> Outcome:
    view = dataclasses.replace(examination.call(), layout=examination.case.layout)
    measures: dict[str, Measure] = {}
    for quantity, limit in (("loss", bound("S7")), ("gradient", GRADIENT_MUST)):
        try:
            got = examination.run(view, quantity)
        except NotOffered:
            continue
        if got.shape != examination.case.shape:
            return Deviates("wrong-shape", f"the {quantity} of a view has the shape {list(got.shape)}")
        verdict = within(examination.compare(got, quantity), limit, examination.elements())
        if isinstance(verdict, Deviates):
            return verdict
        copy = examination.run(examination.call(), quantity)
        measures[f"{quantity}_bits_as_copy"] = _same_bits(got.reshape(-1), copy.reshape(-1))
    return Conforms(measures)


def mismatched(examination: Examination) -> Outcome:
    shapes = " against ".join(str(list(array.shape)) for array in examination.call().operands.values())
    try:
        got = examination.run(examination.call())
    except NotOffered:
        raise
    except Exception as error:
        return Conforms({"observed": f"raises {type(error).__name__}"})
    declared = examination.runner.implementation.broadcasts
    if examination.case.mismatch == "raise" or not declared:
        return Deviates("no-error", f"{shapes} gave a result of shape {list(got.shape)}")
    verdict = within(examination.compare(got), bound("S8"))
    return verdict if isinstance(verdict, Deviates) else Conforms({"observed": f"broadcasts to {list(got.shape)}"})


def _layouts(examination: Examination) -> Iterator[Axes]:
    rank = len(examination.case.shape)
    yield tuple(range(rank))
    if rank == 4:
        yield (0, 2, 3, 1)  # [N,C,H,W] as [N,H,W,C]


def _permutations(rank: int) -> Iterator[Axes]:
    if rank == 4:
        yield (0, 2, 3, 1)
    if rank > 1:
        yield tuple(reversed(range(rank)))


def _values(examination: Examination, axes: Axes) -> Outcome:
    call = examination.call()
    moved = Call({name: np.ascontiguousarray(array.transpose(axes)) for name, array in call.operands.items()})
    verdict: Outcome = Conforms()
    for quantity, limit in (("loss", bound("S3")), ("gradient", GRADIENT_MUST)):
        try:
            got = examination.run(moved, quantity)
        except NotOffered:
            continue
        if got.shape != moved.operands["logits"].shape:
            return Deviates("wrong-shape", f"the {quantity} has the shape {list(got.shape)}")
        back = got.transpose(np.argsort(axes)) if axes else got
        verdict = within(examination.compare(back, quantity), limit, examination.elements())
        if isinstance(verdict, Deviates):
            return verdict
    return verdict


def _bits(array: Array) -> Array:
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def _same_bits(left: Array, right: Array) -> bool:
    return left.dtype == right.dtype and bool(np.array_equal(_bits(left), _bits(right)))


CHECKS = {
    "S1": same_shape,
    "S2": values_in_shape,
    "S3": values_in_shape,
    "S4": same_bits_in_any_shape,
    "S5": zero_dimensional,
    "S6": empty,
    "S7": views,
    "S8": mismatched,
}


def test_shapes(docket: Docket) -> None:
    docket.hear(CHECKS)

"""S: shapes and layouts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from conformance.adapter import Array
from conformance.golden.case import Case
from conformance.judging.docket import Docket, Hearing
from conformance.judging.examination import Examination
from conformance.spec.bounds import GRADIENT_MUST
from conformance.spec.clauses import bound
from conformance.spec.outcome import Conforms, Deviates, Measure, Outcome
from conformance.spec.verdict import Judged, both, within
from conformance.subjects.subject import Call, bits

Axes = tuple[int, ...]
# [N,C,H,W] as [N,H,W,C], and [N,H,W] as [N,W,H].
_CHANNELS_LAST: dict[int, Axes] = {4: (0, 2, 3, 1)}
_LAYOUT_AXES: dict[int, Axes] = {3: (0, 2, 1), **_CHANNELS_LAST}
_LIMITS = {"loss": bound("S3"), "gradient": GRADIENT_MUST}


def same_shape(examination: Examination) -> Outcome:
    got = examination.run(examination.call())
    if got.shape != examination.case.shape:
        return Deviates("wrong-shape", f"got {list(got.shape)}, the logits have {list(examination.case.shape)}")
    return Conforms({"shape": str(list(got.shape))})


def values_in_shape(examination: Examination) -> Outcome:
    rank = len(examination.case.shape)
    orders = [tuple(range(rank)), *([_CHANNELS_LAST[rank]] if rank in _CHANNELS_LAST else [])]
    return both(verdict for axes in orders for verdict in _values(examination, axes))


def same_bits_in_any_shape(examination: Examination) -> Outcome:
    call = examination.call()
    size = examination.case.texts["logits"].size
    forms = {"flattened": Call({name: array.ravel() for name, array in call.operands.items()})}
    axes = _LAYOUT_AXES[call.operands["logits"].ndim]
    forms[f"with axes {axes}"] = _moved(call, axes)
    own = examination.run_both(call)
    for form, other in forms.items():
        for quantity, result in examination.run_both(other).items():
            if own[quantity].size != size or result.size != size:
                return Deviates("wrong-shape", f"the {quantity} has {result.size} elements, the logits {size}")
            back = result if form == "flattened" else result.transpose(np.argsort(axes))
            differing = _differing_bits(own[quantity].ravel(), back.ravel())
            if differing:
                return Deviates("differs", f"{differing} of {size} elements of the {quantity} differ {form}")
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
        if not any(np.array_equal(got, value, equal_nan=True) for value in allowed):
            return Deviates("wrong-value", f"the {reduction} of nothing is {got}")
        observed[reduction] = str(float(got))
    return Conforms(observed)


def views(examination: Examination) -> Outcome:
    view = dataclasses.replace(examination.call(), layout=examination.case.layout)
    copies = examination.run_both(examination.call())
    measures: dict[str, Measure] = {}
    for quantity, got in examination.run_both(view).items():
        if got.shape != examination.case.shape:
            return Deviates("wrong-shape", f"the {quantity} of a view has the shape {list(got.shape)}")
        verdict = within(examination.compare(got, quantity), _LIMITS[quantity], examination.elements())
        if isinstance(verdict, Deviates):
            return verdict
        same = not _differing_bits(got.ravel(), copies[quantity].ravel())
        measures[f"{quantity}_bits_as_copy"] = same
    return Conforms(measures)


def mismatched(examination: Examination) -> Outcome:
    """A refusal, the loss of each logit with its own label, or the broadcast that is allowed and declared."""
    shapes = " against ".join(str(list(array.shape)) for array in examination.call().operands.values())
    got = examination.run_or_refusal(examination.call())
    if isinstance(got, str):
        return Conforms({"observed": f"raises {got}"})
    if (paired := _paired(examination)) is not None and got.size == len(list(paired.elements(examination.dtype))):
        verdict = within(examination.compare(got, case=paired), bound("S8"))
        if isinstance(verdict, Conforms):
            return Conforms({"observed": f"pairs each logit of {shapes} with its own label"})
    declared = examination.runner.implementation.broadcasts
    if examination.case.mismatch == "raise" or not declared:
        return Deviates("no-error", f"{shapes} gave a result of shape {list(got.shape)}")
    verdict = within(examination.compare(got), bound("S8"))
    return verdict if isinstance(verdict, Deviates) else Conforms({"observed": f"broadcasts to {list(got.shape)}"})


def _paired(examination: Examination) -> Case | None:
    """The case with its labels in the shape of its logits; None if there are not as many of both."""
    texts = examination.case.texts
    if texts["logits"].size != texts["labels"].size:
        return None
    one = {**texts, "labels": texts["labels"].reshape(texts["logits"].shape)}
    return dataclasses.replace(examination.case, texts=one, mismatch="")


def _moved(call: Call, axes: Axes) -> Call:
    # np.ascontiguousarray would make a vector of a zero-dimensional array.
    return Call({name: np.array(array.transpose(axes), order="C") for name, array in call.operands.items()})


def _values(examination: Examination, axes: Axes) -> Iterator[Judged]:
    moved = _moved(examination.call(), axes)
    for quantity, got in examination.run_both(moved).items():
        if got.shape != moved.operands["logits"].shape:
            yield Deviates("wrong-shape", f"the {quantity} has the shape {list(got.shape)}")
            return
        back = got.transpose(np.argsort(axes)) if axes else got
        yield within(examination.compare(back, quantity), _LIMITS[quantity], examination.elements())


def _differing_bits(left: Array, right: Array) -> int:
    if left.dtype != right.dtype:
        return left.size
    return int((bits(left) != bits(right)).sum())


CHECKS = {
    "S1": same_shape,
    "S2": values_in_shape,
    "S3": values_in_shape,
    "S4": same_bits_in_any_shape,
    "S5": values_in_shape,
    "S6": empty,
    "S7": views,
    "S8": mismatched,
}


def test_shapes(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

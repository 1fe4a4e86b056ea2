"""D: precision and dtype of the result."""

from __future__ import annotations

import dataclasses

import numpy as np

from conformance.adapter import Array, NotOffered
from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.ulp import measure
from conformance.judging.docket import Docket, Hearing
from conformance.judging.examination import Examination
from conformance.judging.exercise import scale
from conformance.spec.clauses import bound
from conformance.spec.outcome import Conforms, Deviates, Outcome
from conformance.spec.verdict import within
from conformance.subjects.subject import Runner


def own_precision(examination: Examination) -> Outcome:
    return within(examination.errors(), bound("D1"), examination.elements())


def result_dtype(examination: Examination) -> Outcome:
    """Of the loss that of the logits, in mixed precision float32 too; of the gradient that of the logits."""
    own = examination.dtype.name
    allowed = {"loss": (own, *(("float32",) if examination.runner.mixed else ())), "gradient": (own,)}
    results = examination.run_both(examination.call())
    for quantity, got in results.items():
        if got.dtype.name not in allowed[quantity]:
            return Deviates("wrong-dtype", f"{own} in, a {quantity} of {got.dtype.name} out")
    return Conforms({"dtype": results["loss"].dtype.name})


def wider(examination: Examination) -> Outcome:
    """A loss that mixed precision made wider than its logits, at the precision that its dtype says it has."""
    if not examination.runner.mixed:
        raise NotOffered("the mode is of one precision")
    got = examination.run(examination.call())
    if got.dtype.name == examination.dtype.name:
        raise NotOffered("the loss has the dtype of the logits")
    if got.dtype.name not in DTYPES:
        return Deviates("truncated", f"{examination.dtype.name} in, {got.dtype.name} out")
    case, dtype = examination.case, examination.dtype
    scales = scale(case, "loss", dtype)
    errors = measure(got.astype(np.float64).ravel(), case.exact("loss", dtype), scales, DTYPES[got.dtype.name])
    return within(errors, bound("D5"), examination.elements())


def mixed(examination: Examination) -> Outcome:
    """Right at the precision of the narrowest float among logits, labels and result, or refused."""
    given = examination.case.label_dtype or examination.dtype.name
    got = examination.run_or_refusal(examination.call())
    if isinstance(got, str):
        return Conforms({"observed": f"refuses {given} labels: {got}"})
    if got.dtype.name not in DTYPES:
        return Deviates("truncated", f"{given} labels gave a result of dtype {got.dtype.name}: {got.tolist()}")
    verdict = _at_narrowest(examination, got, given, "D3")
    if isinstance(verdict, Conforms):
        return Conforms({**verdict.measures, "observed": f"{given} labels give {got.dtype.name}"}, verdict.worst)
    return verdict


def by_default(examination: Examination) -> Outcome:
    """The call without the options that a careful user adds, right at the precision of its result."""
    runner = examination.runner
    if runner.implementation.plain is None:
        raise NotOffered("it has no option that chooses a dtype")
    plain = dataclasses.replace(runner.implementation, function=runner.implementation.plain)
    got = Runner(runner.subject, runner.adapter, plain).run(examination.call())
    if got.dtype.name not in DTYPES:
        return Deviates("truncated", f"by default {examination.dtype.name} gives {got.dtype.name}")
    verdict = _at_narrowest(examination, got, got.dtype.name, "D4")
    if isinstance(verdict, Conforms):
        return Conforms({**verdict.measures, "observed": f"{examination.dtype.name} gives {got.dtype.name}"})
    return verdict


def _at_narrowest(examination: Examination, got: Array, given: str, clause: str) -> Conforms | Deviates:
    """The loss within the clause's bound, at the precision of the narrowest float among the three dtypes."""
    case, dtype = examination.case, examination.dtype
    floats = [DTYPES[name] for name in (dtype.name, got.dtype.name, given) if name in DTYPES]
    narrowest = min(floats, key=lambda each: each.precision)
    values = got.astype(np.float64).ravel()
    errors = measure(values, case.exact("loss", dtype), scale(case, "loss", dtype), narrowest)
    return within(errors, bound(clause), examination.elements())


CHECKS = {"D1": own_precision, "D2": result_dtype, "D3": mixed, "D4": by_default, "D5": wider}


def test_dtypes(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

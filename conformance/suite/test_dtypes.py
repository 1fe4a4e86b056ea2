"""D: precision and dtype of the result."""

from __future__ import annotations

import numpy as np

from conformance.docket import Docket, Hearing
from conformance.dtype import DTYPES
from conformance.examination import Examination, scale
from conformance.outcome import Conforms, Deviates, Outcome
from conformance.spec import bound
from conformance.ulp import measure
from conformance.verdict import within


def own_precision(examination: Examination) -> Outcome:
    return within(examination.errors(), bound("D1"), examination.elements())


def result_dtype(examination: Examination) -> Outcome:
    got = examination.run(examination.call())
    if got.dtype.name != examination.dtype.name:
        return Deviates("wrong-dtype", f"{examination.dtype.name} in, {got.dtype.name} out")
    return Conforms({"dtype": got.dtype.name})


def mixed(examination: Examination) -> Outcome:
    """Right at the precision of the narrowest float among logits, labels and result, or refused."""
    given = examination.case.label_dtype or examination.dtype.name
    got = examination.run_or_refusal(examination.call())
    if isinstance(got, str):
        return Conforms({"observed": f"refuses {given} labels: {got}"})
    if got.dtype.name not in DTYPES:
        return Deviates("truncated", f"{given} labels gave a result of dtype {got.dtype.name}: {got.tolist()}")
    floats = [DTYPES[name] for name in (examination.dtype.name, got.dtype.name, given) if name in DTYPES]
    narrowest = min(floats, key=lambda dtype: dtype.precision)
    exact = examination.case.exact("loss", examination.dtype)
    values = got.astype(np.float64).ravel()
    errors = measure(values, exact, scale(examination.case, "loss", examination.dtype), narrowest)
    verdict = within(errors, bound("D3"), examination.elements())
    if isinstance(verdict, Conforms):
        return Conforms({**verdict.measures, "observed": f"{given} labels give {got.dtype.name}"}, verdict.worst)
    return verdict


CHECKS = {"D1": own_precision, "D2": result_dtype, "D3": mixed}


def test_dtypes(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

"""W: weight, pos_weight and label smoothing."""

from __future__ import annotations

import numpy as np

from conformance.adapter import NotOffered
from conformance.docket import Docket, Hearing
from conformance.examination import Examination
from conformance.outcome import Conforms, Deviates, Outcome
from conformance.spec import WEIGHTED_MUST, bound
from conformance.verdict import both, good, outcome, within


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


CHECKS = {"W1": weighted, "W2": weighted, "W3": weighted, "W4": zero_weight, "W5": weighted}


def test_weights(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

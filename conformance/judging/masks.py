"""Elements under a zero weight, or a zero cotangent, that are not finite: zero times NaN is NaN, or a mask selects."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from conformance.arithmetic.exact import Floats
from conformance.arithmetic.ulp import Errors
from conformance.spec.bounds import WEIGHTED_MUST
from conformance.spec.outcome import Conforms, Deviates, Measure
from conformance.spec.verdict import Judged, Mask, good, outcome


def nan_or_zero(
    errors: Mapping[str, Errors], masked: Mapping[str, Mask], elements: tuple[Floats, Floats]
) -> Conforms | Deviates:
    """NaN or zero in what is masked, recorded by quantity and kind of mask; within the bound elsewhere."""
    observed: dict[str, Measure] = {}
    everywhere = np.logical_or.reduce(list(masked.values()))
    for quantity, each in errors.items():
        verdict: Judged = outcome(each, good(each, WEIGHTED_MUST), elements, WEIGHTED_MUST, judged=~everywhere)
        if not isinstance(verdict, Deviates):
            either = (each.got == 0) | np.isnan(each.got)
            verdict = outcome(each, either, elements, forced="not-exact", judged=everywhere)
        if isinstance(verdict, Deviates):
            return verdict
        for kind, mask in masked.items():
            if mask.any():
                observed[f"{quantity}_over_{kind}"] = "nan" if np.isnan(each.got[mask]).any() else "zero"
    return Conforms(observed)

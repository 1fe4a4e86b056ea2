"""From errors and a bound to an outcome: which elements fail, which is worst, and how it fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from conformance.arithmetic.exact import Floats
from conformance.arithmetic.number import float_text
from conformance.arithmetic.ulp import Errors, Kind
from conformance.spec.bounds import LOSS_MUST, Bound
from conformance.spec.outcome import SIGNATURES, Conforms, Deviates, Measure, Worst

Judged = Conforms | Deviates
Mask = npt.NDArray[np.bool_]
OF_BOUND = "of_bound"
_MOST_SIGNED = 4096  # of the elements that fail, those furthest off: what is no distance comes first
_SEVERITY = {signature: rank for rank, signature in enumerate(SIGNATURES)}
_KIND_SIGNATURES = {
    Kind.NAN: "nan",
    Kind.NAN_LOST: "nan-lost",
    Kind.LIMIT_LOST: "limit-lost",
    Kind.OVERFLOW: "overflow",
    Kind.FLUSHED: "flushed",
}


def within(errors: Errors, bound: Bound, elements: tuple[Floats, Floats] | None = None) -> Judged:
    """Conforms if every element is within the bound; flushed subnormals are another clause's matter."""
    return outcome(errors, good(errors, bound), elements, bound)


def good(errors: Errors, bound: Bound) -> Mask:
    """Which elements are within the bound; flushed subnormals are."""
    passed: Mask = (errors.kind == Kind.FLUSHED) | (_values(errors, bound) <= bound.ulps)
    return passed


def outcome(
    errors: Errors,
    passed: Mask,
    elements: tuple[Floats, Floats] | None = None,
    bound: Bound = LOSS_MUST,
    forced: str = "",
    judged: Mask | None = None,
) -> Judged:
    """Conforms if all ``passed``; else Deviates by the worst element's signature, or by ``forced``.

    Of the elements that are not ``judged`` (all are, unless it is given) nothing is asked and nothing recorded.
    """
    looked_at = np.ones(len(errors), np.bool_) if judged is None else judged
    facts = measures(errors[np.flatnonzero(looked_at)], bound)
    failing = np.flatnonzero(~passed & looked_at)
    if not failing.size:
        return Conforms(facts, worst(errors, _largest(errors, bound, looked_at), elements))
    count = len(failing)
    if count > _MOST_SIGNED:
        failing = failing[np.argsort(-_values(errors, bound)[failing], kind="stable")[:_MOST_SIGNED]]
    signatures = {int(index): forced or signature(errors, int(index)) for index in failing}
    sizes = np.nan_to_num(errors.result_ulp)
    index = min(signatures, key=lambda each: (_SEVERITY[signatures[each]], -sizes[each]))
    chosen = signatures[index]
    detail = f"{SIGNATURES[chosen]} ({count} of {len(errors)} elements fail)"
    return Deviates(chosen, detail, {**facts, "failing": count}, worst(errors, index, elements))


def both(verdicts: Iterable[Judged]) -> Judged:
    """One verdict on several results: the first that deviates, or the one that came nearest to its bound."""
    nearest = Conforms()
    for verdict in verdicts:
        if isinstance(verdict, Deviates):
            return verdict
        if _share(verdict) >= _share(nearest):
            nearest = verdict
    return nearest


def named(quantity: str, verdict: Judged) -> Judged:
    """The verdict, saying of what if it deviates."""
    if isinstance(verdict, Deviates):
        return dataclasses.replace(verdict, detail=f"the {quantity}: {verdict.detail}")
    return verdict


def measures(errors: Errors, bound: Bound | None = None) -> Mapping[str, Measure]:
    """The numbers that are recorded for every check of elements; ``of_bound`` is the largest error over the bound."""
    comparable = (errors.kind == Kind.DISTANCE) & np.isfinite(errors.result_ulp)
    facts: dict[str, Measure] = {"elements": len(errors)}
    if comparable.any():
        facts["max_result_ulp"] = float(errors.result_ulp[comparable].max())
        facts["max_scaled_ulp"] = float(errors.scaled_ulp[comparable].max())
        if bound is not None:
            facts[OF_BOUND] = float(_values(errors, bound)[comparable].max()) / bound.ulps
    if flushed := int((errors.kind == Kind.FLUSHED).sum()):
        facts["flushed"] = flushed
    return facts


def signature(errors: Errors, index: int) -> str:
    """How one element is wrong, whatever the bound was."""
    kind = Kind(int(errors.kind[index]))
    if kind in _KIND_SIGNATURES:
        return _KIND_SIGNATURES[kind]
    got, hi = float(errors.got[index]), float(errors.exact.hi[index])
    cancelled = errors.scaled_ulp[index] <= LOSS_MUST.ulps
    # Half of the result is 2^(p-2) ULP or more, wherever in its binade the result lies.
    half = errors.result_ulp[index] >= 2.0 ** (errors.dtype.precision - 2)
    if not cancelled and got * hi < 0:
        return "wrong-sign"
    if half:
        return "lost-tail" if cancelled else "wrong-value"
    return "lost-bits" if cancelled else "off-by-ulps"


def worst(errors: Errors, index: int, elements: tuple[Floats, Floats] | None) -> Worst | None:
    """The element at ``index`` as it is recorded."""
    if not len(errors):
        return None
    logit = float_text(float(elements[0][index])) if elements else ""
    label = float_text(float(elements[1][index])) if elements else ""
    return Worst(
        index,
        logit,
        label,
        float_text(float(errors.got[index])),
        float_text(float(errors.exact.approximate()[index])),
        float(errors.result_ulp[index]),
        float(errors.scaled_ulp[index]),
    )


def _share(verdict: Judged) -> float:
    return float(verdict.measures.get(OF_BOUND, 0))


def _largest(errors: Errors, bound: Bound, judged: Mask) -> int:
    places = np.flatnonzero(judged)
    return int(places[np.argmax(np.nan_to_num(_values(errors, bound)[places]))]) if places.size else 0


def _values(errors: Errors, bound: Bound) -> Floats:
    return errors.scaled_ulp if bound.measure == "scaled" else errors.result_ulp

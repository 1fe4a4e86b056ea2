"""What is wrong with one result of a row: its shape, its dtype, its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from conformance.adapter import Array
from conformance.arithmetic.dtype import DTYPES, Dtype
from conformance.arithmetic.ulp import Errors, measure
from conformance.configurations.factors import coarser
from conformance.configurations.plan import Plan
from conformance.configurations.truth import Right, truth
from conformance.spec.bounds import CONFIGURED, CONFIGURED_FORWARD, CONFIGURED_SECOND, Bound, added, of_subnormal_shares
from conformance.spec.clauses import bound
from conformance.spec.outcome import Conforms, Deviates, Worst
from conformance.spec.verdict import OF_BOUND, good, outcome, within
from conformance.subjects.subject import native

_NAMES = {
    "loss": "the loss",
    "forward": "the derivative of forward mode",
    "second": "the second derivative",
    "mixed": "the derivative of the gradient by the labels",
    "upstream": "the derivative of the gradient by the cotangent",
}


@dataclass(frozen=True)
class Finding:
    """Something wrong with a row, by the clause that it breaks."""

    clause: str
    signature: str
    detail: str
    worst: Worst | None = None
    what: str = ""  # the result that is wrong: 'loss', 'gradient NAME', ...


@dataclass(frozen=True)
class Kept:
    """A bound that a result kept, and the share of it that its largest error took."""

    clause: str
    of_bound: float


def judged(made: Plan, what: str, got: Array) -> Iterator[Finding | Kept]:
    """What is wrong with a result: 'loss', 'gradient NAME', 'forward', 'second', 'mixed' or 'upstream'.

    Where nothing is, how much of each bound it took.
    """
    clause = clause_of(what)
    shape = _shape(made, what)
    if got.shape != shape:
        yield Finding(
            clause, "wrong-shape", f"{_said(what)} has the shape {list(got.shape)}, not {list(shape)}", None, what
        )
        return
    if (wrong := _wrong_dtype(made, what, got)) is not None:
        yield Finding(clause, "wrong-dtype", f"{_said(what)} is {wrong}", None, what)
        return
    if truth(made).of_nothing:
        return  # a mean of no elements, or by no weight, is the matter of clauses S6 and R5
    dtype = _precision(made, got)
    right = truth(made).right(what)
    limit = _bound(what, right, dtype)
    scale = right.scale + right.terms * of_subnormal_shares(limit, dtype.smallest_normal)
    errors = measure(got.astype(np.float64).ravel(), right.exact, scale, dtype)
    verdict = within(errors, limit, _elements(made, right))
    if isinstance(verdict, Deviates):
        yield Finding(clause, verdict.signature, f"{_said(what)}: {verdict.detail}", verdict.worst, what)
        return
    yield _kept(clause, verdict)
    if has_tails(made, what):
        yield _tails(made, what, errors, right)


def clause_of(what: str) -> str:
    """The clause that a result is about."""
    return {"loss": "C1", "gradient": "C2"}.get(what.split(maxsplit=1)[0], "C3")


def has_tails(made: Plan, what: str) -> bool:
    """True if clause C6 looks at a result: an element is not lost in a sum, and no smoothed label hides its tail."""
    return made.reduction == "none" and made.label_smoothing is None and what in ("loss", "gradient logits")


def _kept(clause: str, verdict: Conforms) -> Kept:
    # Infinities and NaN are right or wrong, and take no share.
    return Kept(clause, float(verdict.measures.get(OF_BOUND, 0)))


def _tails(made: Plan, what: str, errors: Errors, right: Right) -> Finding | Kept:
    """By the result's own ULP; the gradient of a soft label cancels where it is met, whoever computes it."""
    limit = bound("C6")
    labels = made.operands["labels"].values.ravel()
    asked = np.ones(len(errors), np.bool_) if what == "loss" else (labels == 0) | (labels == 1)
    # Whoever rounds a wider label to the dtype of the logits moves 1 - z by half an ULP of 1: it may be all of a tail.
    asked &= native(labels, DTYPES[made.dtype]).astype(np.float64) == labels
    # A multiple of a subnormal number has no more digits than that.
    factors = [each.values for name, each in made.operands.items() if name in ("weight", "pos_weight")]
    factors += [] if what == "loss" else [made.cotangent.values]
    largest = np.prod([np.abs(each).max(initial=1.0) for each in factors])
    asked &= ~(np.abs(right.exact.approximate()) < errors.dtype.smallest_normal * largest)
    verdict = outcome(errors, good(errors, limit), _elements(made, right), limit, judged=asked)
    if isinstance(verdict, Deviates):
        return Finding("C6", verdict.signature, f"{_said(what)}: {verdict.detail}", verdict.worst, what)
    return _kept("C6", verdict)


def _bound(what: str, right: Right, dtype: Dtype) -> Bound:
    limit = {"forward": CONFIGURED_FORWARD, "second": CONFIGURED_SECOND, "mixed": CONFIGURED_SECOND}.get(
        what, CONFIGURED
    )
    return added(limit, right.summands, dtype.precision)


def _shape(made: Plan, what: str) -> tuple[int, ...]:
    kind, _, name = what.partition(" ")
    if kind == "gradient":
        return made.operands[name].array.shape
    return made.shape if kind in ("second", "mixed") else made.result_shape


def _wrong_dtype(made: Plan, what: str, got: Array) -> str | None:
    """The dtype, if it is neither that of the operand nor, for a loss, a wider one that another operand has."""
    kind, _, name = what.partition(" ")
    own = {"gradient": name, "second": "logits", "mixed": "labels"}.get(kind, "")
    if own:
        wanted = made.operands[own].array.dtype.name
        return None if got.dtype.name == wanted else f"{got.dtype.name}, that operand is {wanted}"
    floating = {made.dtype, *(each.array.dtype.name for each in made.operands.values())} & set(DTYPES)
    # Whoever differentiates by a cotangent gets that cotangent's dtype, which is the one of the logits.
    allowed = {name for name in floating if DTYPES[name].precision >= DTYPES[made.dtype].precision}
    return None if got.dtype.name in allowed else f"{got.dtype.name}, the logits are {made.dtype}"


def _precision(made: Plan, got: Array) -> Dtype:
    """A result in a wider dtype is as good as its logits are; a gradient, as its operand is."""
    return DTYPES[coarser(got.dtype.name, made.dtype)]


def _elements(made: Plan, right: Right) -> tuple[np.ndarray, np.ndarray] | None:
    if len(right.exact) != np.prod(made.shape):
        return None
    return made.operands["logits"].values.ravel(), made.operands["labels"].values.ravel()


def _said(what: str) -> str:
    kind, _, name = what.partition(" ")
    return f"the gradient of the {name}" if kind == "gradient" else _NAMES[kind]

"""One case put to one subject: the call, its result, and the errors of its elements.

Elementwise cases of one dtype share one tensor, so that a compiled mode compiles once and not once a case.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from conformance import lengths, operator, probability, refusal
from conformance.adapter import Array, NotOffered
from conformance.case import Case, Values
from conformance.dtype import Dtype
from conformance.exact import Exact, Floats
from conformance.outcome import Worst
from conformance.remote.link import WorkerDied
from conformance.shape import WrongShape
from conformance.subject import Call, Runner, native
from conformance.ulp import Errors, measure

if TYPE_CHECKING:
    from conformance.session import Session

T = TypeVar("T")
DIFFERENTIATED = {
    "gradient": "",  # with respect to what the implementation takes
    "label_gradient": "labels",
    "weight_gradient": "weight",
    "pos_weight_gradient": "pos_weight",
}


@dataclass(eq=False)
class Examination:
    """A runner, a case, and what both need: the session, with its shared tensors and its other runners."""

    runner: Runner
    case: Case
    session: Session

    @property
    def dtype(self) -> Dtype:
        """The dtype under test."""
        return self.runner.dtype

    def call(self, case: Case | None = None, *, reduction: str = "none", layout: str = "contiguous") -> Call:
        """The case's own call, in its own shapes."""
        case = case or self.case
        names = [name for name in (case.argument, "labels", "weight", "pos_weight") if name in case.texts]
        operands = {name: self._operand(case, name) for name in names}
        smoothing = float(case.label_smoothing) if case.label_smoothing != "0" else None
        return Call(operands, reduction, smoothing, layout, case.ignore_index)

    def run(self, call: Call, quantity: str = "loss", cotangent: Array | None = None) -> Array:
        """Run a call. Derivatives get a cotangent of ones unless one is given."""
        if quantity not in DIFFERENTIATED:
            return self.runner.run(call, quantity)
        return self.runner.run(self.with_cotangent(call, cotangent), "gradient", DIFFERENTIATED[quantity])

    def run_or_refusal(self, call: Call) -> Array | str:
        """The loss, or the name of the error that refuses the call. Raises NotOffered, and what is no refusal."""
        try:
            return self.run(call)
        except (NotOffered, WrongShape):
            raise
        except Exception as error:
            if not refusal.is_refusal(error, self.runner.adapter.packages):
                raise
            return type(error).__name__

    def tangent(self, operand: str) -> Array:
        """Forward mode along an operand, with a tangent of ones. Raises NotOffered where there is none."""
        return self.derived(lambda: self.runner.run(self.call(), "tangent", operand), operand)

    def derived(self, compute: Callable[[], T], operand: str) -> T:
        """What ``compute`` gives. Raises NotOffered, in the framework's words, where the operand has no derivative.

        Raises Disconnected where the result silently does not depend on it.
        """
        try:
            return compute()
        except NotOffered:
            raise
        except Exception as error:
            if refusal.is_disconnected(error):
                raise Disconnected(f"{operand} is taken for a constant: {refusal.told(error)}") from error
            if refusal.has_no_derivative(error, self.runner.adapter.packages):
                raise NotOffered(f"no derivative with respect to {operand}: {refusal.told(error)}") from error
            raise

    def run_both(self, call: Call) -> dict[str, Array]:
        """Loss and gradient from one program; the loss alone where the adapter does not differentiate."""
        try:
            loss, gradient = self.runner.run_both(self.with_cotangent(call))
        except NotOffered:
            return {"loss": self.runner.run(call)}
        return {"loss": loss, "gradient": gradient}

    def with_cotangent(self, call: Call, cotangent: Array | None = None) -> Call:
        """The call with a cotangent: ones of the result's shape unless one is given."""
        if cotangent is None:
            shape = np.broadcast_shapes(*(array.shape for array in call.operands.values()))
            cotangent = native(np.ones(shape if call.reduction == "none" else ()), self.dtype)
        return dataclasses.replace(call, operands={**call.operands, "cotangent": cotangent})

    def errors(self, quantity: str = "loss", golden: str = "") -> Errors:
        """The errors of this case's elements for a quantity; ``golden`` names another golden to compare with."""
        golden = golden or quantity
        if self.case.elementwise and self.case.bare:
            return self.session.batches.errors(self, quantity, golden)
        cotangent = None
        if "cotangent" in self.case.texts and quantity in DIFFERENTIATED:
            cotangent = native(self.case.operand("cotangent", self.dtype), self.dtype)
        return self.compare(self.run(self.call(), quantity, cotangent), golden)

    def compare(self, got: Array, golden: str = "loss", case: Case | None = None) -> Errors:
        """Compare an unreduced result in C order with a golden quantity."""
        case = case or self.case
        values = np.asarray(got).astype(np.float64).reshape(-1)
        return measure(values, case.exact(golden, self.dtype), scale(case, golden, self.dtype), self.dtype)

    def elements(self) -> tuple[Floats, Floats]:
        """Logits (or probabilities) and labels, one an element in C order."""
        x, z, *_ = _columns(self.case, self.dtype)
        return x, z

    def reproducible(self, quantity: str, worst: Worst | None) -> tuple[Call, str, str]:
        """The smallest call that shows what was found: the worst element alone where elements are independent.

        Returns the call (with its cotangent, if any), the request's quantity and the operand to differentiate.
        """
        call = self.call(reduction=self.case.reductions[0])
        if worst is not None and self.case.elementwise and self.case.bare:
            index = slice(worst.index, worst.index + 1)
            call = Call({name: array.reshape(-1)[index] for name, array in call.operands.items()})
        elif "cotangent" in self.case.texts and quantity in DIFFERENTIATED:
            cotangent = native(self.case.operand("cotangent", self.dtype), self.dtype)
            call = dataclasses.replace(call, operands={**call.operands, "cotangent": cotangent})
        wrt = DIFFERENTIATED.get(quantity, "")
        return call, "gradient" if quantity in DIFFERENTIATED else quantity, wrt

    def _operand(self, case: Case, name: str) -> Array:
        values = case.operand(name, self.dtype)
        other = {"labels": case.label_dtype, "logits": case.logit_dtype}.get(name)
        if other == "str":
            return values.astype("U8")
        if other:
            return values.astype(other)
        return native(values, self.dtype)


class Disconnected(Exception):
    """A result that does not depend on an operand, as far as the framework's differentiation sees."""


class Shared(NamedTuple):
    """A shared tensor of one subject, for one quantity."""

    subject: str
    finite: bool
    quantity: str


@dataclass(eq=False)
class Batches:
    """The shared tensors: for each runner, its elementwise cases laid end to end.

    ``fatal`` are those that have killed a process: their cases are run one by one.
    """

    cases: Sequence[Case]
    fatal: set[Shared] = field(default_factory=set)
    _results: dict[tuple[Runner, bool, str], Array | None] = field(default_factory=dict)
    _errors: dict[tuple[Runner, bool, str, str], Errors] = field(default_factory=dict)

    def errors(self, examination: Examination, quantity: str, golden: str) -> Errors:
        """The errors of the examination's own slice.

        Where the framework refuses the whole (a NaN label, say), each case is run by itself: one case's refusal
        must not be charged to the others. Raises what the framework raises for this case alone.
        """
        runner, case = examination.runner, examination.case
        result = self.result(examination, quantity)
        if result is None:
            return examination.compare(examination.run(examination.call(), quantity), golden)
        members = self.members(runner, case.finite)
        key = (runner, case.finite, quantity, golden)
        if key not in self._errors:
            got = result.astype(np.float64).reshape(-1)
            exact = _joined_exact(members, golden, runner.dtype)
            scales = np.concatenate([scale(each, golden, runner.dtype) for each in members])
            self._errors[key] = measure(got, exact, scales, runner.dtype)
        return self._errors[key][_slices(members)[case]]

    def result(self, examination: Examination, quantity: str) -> Array | None:
        """The quantity for the whole batch; None if the framework refuses it, or died of it. Raises NotOffered."""
        runner, finite = examination.runner, examination.case.finite
        key = (runner, finite, quantity)
        if key not in self._results:
            shared = Shared(runner.subject.id, finite, quantity)
            self._results[key] = None if shared in self.fatal else self._whole(examination, shared)
        return self._results[key]

    def _whole(self, examination: Examination, shared: Shared) -> Array | None:
        call = self._call(examination.runner, shared.finite)
        try:
            result = examination.run(lengths.stretched(call, examination.runner), shared.quantity)
            return lengths.cut(result, len(call.operands[examination.runner.takes]))
        except NotOffered:
            raise
        except WorkerDied as death:
            death.over = shared
            raise
        except Exception:
            return None

    def members(self, runner: Runner, finite: bool) -> tuple[Case, ...]:
        """The cases in the runner's batch; finite and non-finite ones never share a tensor."""
        hard = runner.implementation.labels == "hard"
        return _members(tuple(self.cases), runner.takes, runner.subject.dtype, hard, finite)

    def _call(self, runner: Runner, finite: bool) -> Call:
        columns = [_columns(case, runner.dtype) for case in self.members(runner, finite)]
        return Call(
            {
                name: native(np.concatenate([each[position] for each in columns]), runner.dtype)
                for position, name in enumerate((runner.takes, "labels"))
            }
        )


@functools.cache
def scale(case: Case, quantity: str, dtype: Dtype) -> Floats:
    """The magnitude of the largest term, one an element in C order."""
    x, z, w, q, c = _columns(case, dtype)
    if case.argument == "probabilities":
        return probability.largest_term(quantity, x, z, w, c)
    smoothing = float(case.label_smoothing)
    return operator.largest_term(quantity, x, z * (1 - smoothing) + smoothing / 2, w, q, c)


def applicable(case: Case, runner: Runner) -> str:
    """Why the implementation does not offer what the case needs; '' if it does."""
    return next(_obstacles(case, runner), "")


def _obstacles(case: Case, runner: Runner) -> Iterator[str]:
    implementation = runner.implementation
    if implementation.devices and runner.subject.device not in implementation.devices:
        yield f"it runs on {' and '.join(implementation.devices)} only"
    if implementation.labels == "hard" and not case.drawn and not case.hard_labels:
        yield "its labels must be 0 or 1"
    for name in ("weight", "pos_weight"):
        if name in case.texts and not implementation.offers(name):
            yield f"it has no {name}"
    if implementation.same_rank_weights and "weight" in case.texts:
        rank = case.texts["weight"].ndim
        if rank not in (0, len(case.shape)):
            yield f"its documentation asks for weights of rank 0 or {len(case.shape)}, not {rank}"
    if case.label_smoothing != "0" and not implementation.offers("label_smoothing"):
        yield "it has no label smoothing"
    if case.ignore_index is not None and not implementation.offers("ignore_index"):
        yield "it has no ignore_index"
    if case.layout not in runner.adapter.layouts:
        yield f"the framework has no {case.layout} tensors"


def others(case: Case) -> list[str]:
    """What the case can be differentiated along besides the logits: its weights or, without any, its labels."""
    return [name for name in ("weight", "pos_weight") if name in case.texts] or ["labels"]


def require_reduction(examination: Examination, reduction: str) -> None:
    """Raise NotOffered unless the implementation has the reduction."""
    if reduction not in examination.runner.implementation.reductions:
        raise NotOffered(f"it has no reduction '{reduction}'")


@functools.cache
def _columns(case: Case, dtype: Dtype) -> tuple[Values, ...]:
    rows = list(case.elements(dtype))
    return tuple(np.array(column, np.float64) for column in zip(*rows, strict=True)) or (np.empty(0),) * 5


@functools.cache
def _members(cases: tuple[Case, ...], takes: str, dtype: str, hard: bool, finite: bool) -> tuple[Case, ...]:
    return tuple(
        case
        for case in cases
        if case.elementwise
        and case.bare
        and case.argument == takes
        and dtype in case.dtypes
        and case.finite == finite
        and (case.hard_labels or not hard)
    )


@functools.cache
def _slices(members: tuple[Case, ...]) -> dict[Case, slice]:
    slices, start = {}, 0
    for case in members:
        stop = start + case.texts[case.argument].size
        slices[case] = slice(start, stop)
        start = stop
    return slices


@functools.cache
def _joined_exact(members: tuple[Case, ...], quantity: str, dtype: Dtype) -> Exact:
    parts = [case.exact(quantity, dtype) for case in members]
    return Exact(
        np.concatenate([part.hi for part in parts]),
        np.concatenate([part.lo for part in parts]),
        np.concatenate([part.exponent for part in parts]),
    )

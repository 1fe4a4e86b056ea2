"""One row put to a subject, and all that is wrong with it: results, their dtypes and shapes, and what the call left."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from conformance.adapter import Array, NotOffered, Operands, Program, Request, Tensor
from conformance.configurations.array import covering
from conformance.configurations.factors import BEFORE, DEFAULTS, Row, values_for
from conformance.configurations.history import another, renewed
from conformance.configurations.judgement import Finding, Kept, clause_of, has_tails, judged
from conformance.configurations.plan import DIFFERENTIABLE, Operand, Plan, plan
from conformance.subjects import refusal
from conformance.subjects.subject import Runner, bits

Pull = Callable[[Tensor], Sequence[Tensor]]
CLAUSES = {"loss": "C1", "gradient": "C2", "beyond": "C3"}  # by the stage at which an error was raised


class Refused(Exception):
    """A row that the framework does not offer, or refuses as it may."""


@dataclass(frozen=True)
class Tried:
    """What is wrong with a row, the clauses that could look at it, and how much of their bounds the rest took."""

    findings: tuple[Finding, ...]
    looked_at: frozenset[str]
    kept: tuple[Kept, ...] = ()

    def of(self, clause: str) -> list[Finding]:
        """The findings of a clause."""
        return [each for each in self.findings if each.clause == clause]

    def of_bound(self, clause: str) -> float:
        """The largest share of a clause's bound that a right result took."""
        return max((each.of_bound for each in self.kept if each.clause == clause), default=0.0)


@dataclass
class Got:
    """What a row gave: quantities of a plan as they came, and what was found on the way."""

    results: list[tuple[Plan, str, Array]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    stage: str = "loss"

    def take(self, made: Plan, what: str, array: Array) -> None:
        """Keep a copy: fetched arrays may share the framework's memory."""
        self.results.append((made, what, np.array(array)))


@dataclass(eq=False)
class Trial:
    """Puts rows to one runner."""

    runner: Runner
    seed: int = 0
    _left: tuple[Finding, ...] = ()  # what the calls before the first row changed

    def put(self, row: Row, origin: Row) -> Tried:
        """Everything that is wrong with a row, given the numbers of ``origin``. Raises Refused."""
        able = self.able
        if self.runner.implementation.reductions[row["reduction"]].divisor == "sum_of_weights":
            able = tuple(name for name in able if name != "weight")  # its derivative is another one
        made = plan(row, origin, self.runner, self.seed, able)
        before = self.runner.adapter.surroundings()
        got = self._put(made)
        found = [*got.findings, *self._left, *_changed_state(before, self.runner.adapter.surroundings())]
        self._left = ()
        said = [one for each, what, array in got.results for one in judged(each, what, array)]
        kept = tuple(each for each in said if isinstance(each, Kept))
        found += [each for each in said if isinstance(each, Finding)]
        looked_at = {"C4", *(clause_of(what) for _, what, _ in got.results), *(each.clause for each in found)}
        looked_at |= {"C6" for each, what, _ in got.results if has_tails(each, what)}
        if not found:
            found, looked_at = list(self._differing(made, got)), looked_at | {"C5"}
        return Tried(tuple(found), frozenset(looked_at), kept)

    def rows(self, thorough: bool) -> tuple[Row, ...]:
        """The rows that the runner is put to: pairs of values, or triples; fewer where a mode compiles."""
        adapter, mode = self.runner.adapter, self.runner.subject.mode
        before = adapter.surroundings()
        slow = mode in adapter.compiles_slowly
        cheap = not slow and mode not in adapter.compiles_each_shape
        values = values_for(self.runner, cheap)
        # A dtype that the plain call refuses is refused in every row, and would keep its other values from being seen.
        for name, given in (
            ("labels dtype", {}),
            ("weight dtype", {"weight": "full"}),
            ("pos_weight dtype", {"pos_weight": "full"}),
        ):
            plain = {**DEFAULTS, **given}
            taken = tuple(value for value in values[name] if value == "same" or self._takes({**plain, name: value}))
            # A factor has a value, though every call with the operand be refused.
            values[name] = taken or values[name][:1]
        values["beyond"] = tuple(value for value in values["beyond"] if self._has(value))
        # The first call of all may change something for good, which no row would see.
        self._left = tuple(_changed_state(before, adapter.surroundings()))
        return covering(values, (1 if slow else 2) + thorough, self.seed)

    def _has(self, beyond: str) -> bool:
        """True if the mode has a derivative of this kind."""
        if beyond == "nothing":
            return True
        row = {**DEFAULTS, "beyond": beyond}
        made = plan(row, row, self.runner, self.seed, ("logits",))
        request = self.request(made, "forward") if beyond == "forward" else self.request(made, "second")
        able = {"forward": self.forward_able, "mixed": self.able}.get(beyond, ("logits",))
        return self._program(request) is not None and ("labels" if beyond == "mixed" else "logits") in able

    def _takes(self, row: Row) -> bool:
        """True unless the row is refused."""
        try:
            self.put(row, row)
        except Refused:
            return False
        return True

    @functools.cached_property
    def able(self) -> tuple[str, ...]:
        """The operands with a derivative; clauses G5 and G9 say what is to be thought of the others."""
        return tuple(name for name in DIFFERENTIABLE if self._works(name, self._gradient_alone))

    @functools.cached_property
    def forward_able(self) -> tuple[str, ...]:
        """The operands along which forward mode gives anything; clauses G7 and G12 judge the others."""
        return tuple(name for name in self.able if self._works(name, self._forward_alone))

    def _works(self, name: str, attempt: Callable[[Plan], bool]) -> bool:
        offers = self.runner.implementation.offers
        if name not in ("logits", "labels") and not offers(name):
            return False
        row = {**DEFAULTS, name: "full"} if name in ("weight", "pos_weight") else DEFAULTS
        made = dataclasses.replace(plan(row, row, self.runner, self.seed, DIFFERENTIABLE), along=(name,))
        try:
            return attempt(made)
        except NotOffered:
            return False
        except Exception:
            return name == "logits"  # an error there is a finding

    def _gradient_alone(self, made: Plan) -> bool:
        operands = self._place(made)
        _, pull = self._pullback(made, operands)
        return bool(pull(self._at(made.cotangent)))

    def _forward_alone(self, made: Plan) -> bool:
        return bool(np.any(self._forward(made, self._place(made)).astype(np.float64)))

    def _put(self, made: Plan) -> Got:
        got = Got()
        try:
            self._run(made, got)
        except NotOffered as error:
            raise Refused(str(error)) from error
        except Exception as error:
            if self._may_refuse(made, error):
                raise Refused(refusal.told(error)) from error
            got.findings.append(Finding(CLAUSES[got.stage], "error", f"it raised {refusal.told(error)}"))
        return got

    def _may_refuse(self, made: Plan, error: Exception) -> bool:
        packages = self.runner.adapter.packages
        if any(made.row[name] != "same" for name in made.row if name.endswith(" dtype")):
            return refusal.is_refusal(error, packages)
        return made.row["inputs"] == "nan" and refusal.speaks_of_special_numbers(error, packages)

    def _run(self, made: Plan, got: Got) -> None:
        history = made.row["history"]
        if history in BEFORE and (prior := another(made, history)) is not None:
            with contextlib.suppress(Exception):
                self._call(prior, self._place(prior), Got())
        operands = self._refilled(made) if history == "refilled" else self._place(made)
        cotangent = self._at(made.cotangent)
        if history == "interleaved" and made.along:
            self._interleaved(made, operands, cotangent, got)
        else:
            if history == "overwritten" and made.along:
                self._overwritten(made, got)
            self._call(made, operands, got, cotangent)
        if made.along and (beyond := made.row["beyond"]) != "nothing":
            got.stage = "beyond"
            self._beyond(made, operands, beyond, got)
        self._compare_operands(made, {**operands, "cotangent": cotangent}, got)

    def _call(self, made: Plan, operands: Operands, got: Got, cotangent: Tensor | None = None) -> None:
        if not made.along:
            context = made.row["asked"] if made.row["asked"] in self.runner.adapter.contexts else ""
            loss = self.runner.program(self.request(made, "loss", context=context))(operands)
            got.take(made, "loss", self.runner.fetched(loss))
            return
        loss, pull = self._pullback(made, operands)
        got.take(made, "loss", self.runner.fetched(loss))
        value = got.results[-1][2]
        got.stage = "gradient"
        cotangent = self._at(made.cotangent) if cotangent is None else cotangent
        for _ in range(2 if made.row["history"] == "again" else 1):
            self._take_gradients(made, pull(cotangent), got)
        if (bits(self.runner.fetched(loss)) != bits(value)).any():
            got.findings.append(Finding("C4", "changed-input", "the loss changed when its gradient was taken"))

    def _interleaved(self, made: Plan, operands: Operands, cotangent: Tensor, got: Got) -> None:
        other = renewed(made)
        first, pull = self._pullback(made, operands)
        second, pull_other = self._pullback(other, self._place(other))
        got.stage = "gradient"
        gradients, gradients_other = pull(cotangent), pull_other(self._at(other.cotangent))
        self._take_gradients(made, gradients, got)
        self._take_gradients(other, gradients_other, got)
        got.take(made, "loss", self.runner.fetched(first))
        got.take(other, "loss", self.runner.fetched(second))

    def _overwritten(self, made: Plan, got: Got) -> None:
        """A backward pass whose operands hold other values by now: an error, or the gradient of what they held.

        PyTorch's notes on autograd: "if you're using in-place functions and not seeing any errors, you can be sure that
        the computed gradients are correct."
        """
        operands = self._place(made)
        _, pull = self._pullback(made, operands)
        for name, operand in renewed(made).operands.items():
            self.runner.adapter.refill(operands[name], operand.array)
        with contextlib.suppress(Exception):
            self._take_gradients(made, pull(self._at(made.cotangent)), got)

    def _take_gradients(self, made: Plan, gradients: Sequence[Tensor], got: Got) -> None:
        for name, gradient in zip(made.along, gradients, strict=True):
            got.take(made, f"gradient {name}", self.runner.fetched(gradient))

    def _beyond(self, made: Plan, operands: Operands, beyond: str, got: Got) -> None:
        if beyond == "forward":
            along = tuple(name for name in made.along if name in self.forward_able)
            if not along:
                raise NotOffered("no forward mode along what is differentiated")
            narrowed = dataclasses.replace(made, along=along)
            got.take(narrowed, "forward", self._forward(narrowed, operands))
            return
        if beyond == "mixed" and "labels" not in self.able:
            raise NotOffered("no derivative with respect to labels")
        wrt = {"second": "logits", "mixed": "labels", "upstream": "cotangent"}[beyond]
        given = {**operands, "cotangent": self._at(made.cotangent), "direction": self._at(made.direction)}
        got.take(made, beyond, self.runner.fetched(self.runner.program(self.request(made, "second", wrt=wrt))(given)))

    def _forward(self, made: Plan, operands: Operands) -> Array:
        tangents = {name: self._at(each) for name, each in made.tangents().items()}
        return self.runner.fetched(self.runner.program(self.request(made, "forward"))({**operands, **tangents}))

    def _pullback(self, made: Plan, operands: Operands) -> tuple[Tensor, Pull]:
        """The loss, and what makes gradients of a cotangent: by a new forward pass, if the adapter has no other way."""
        if (program := self._program(self.request(made, "pullback"))) is not None:
            loss, pull = program(operands)
            return loss, pull
        loss = self.runner.program(self.request(made, "loss"))(operands)
        programs = [self.runner.program(self.request(made, "gradient", wrt=name)) for name in made.along]
        return loss, lambda cotangent: [program({**operands, "cotangent": cotangent}) for program in programs]

    def _program(self, request: Request) -> Program | None:
        with contextlib.suppress(NotOffered):
            return self.runner.program(request)
        return None

    def request(self, made: Plan, quantity: str, *, wrt: str = "logits", context: str = "") -> Request:
        """What the adapter is asked for."""
        along = made.along if quantity in ("pullback", "forward") else ()
        return Request(
            self.runner.implementation, self.runner.subject.mode, quantity, wrt, made.reduction, made.label_smoothing,
            along=along, context=context,
        )  # fmt: skip

    def _refilled(self, made: Plan) -> Operands:
        earlier = renewed(made)
        operands = self._place(earlier)
        self._call(earlier, operands, Got())
        for name, operand in made.operands.items():
            self.runner.adapter.refill(operands[name], operand.array)
        return operands

    def _differing(self, made: Plan, got: Got) -> Iterator[Finding]:
        """The same row once more: where all was right, it must give the same bits, and no error."""
        again = self._put(made)
        for each in again.findings:
            yield Finding("C5", each.signature, f"{each.detail}, the second time")
            return
        for (_, what, first), (_, _, second) in zip(got.results, again.results, strict=False):
            if first.shape != second.shape or (bits(first) != bits(second)).any():
                yield Finding("C5", "differs", f"the {what} has other bits the second time")
                return

    def _compare_operands(self, made: Plan, tensors: Operands, got: Got) -> None:
        for name, operand in {**made.operands, "cotangent": made.cotangent}.items():
            if (bits(self.runner.adapter.fetch(tensors[name])) != bits(operand.array)).any():
                got.findings.append(Finding("C4", "changed-input", f"the {name} changed"))

    def _place(self, made: Plan) -> dict[str, Tensor]:
        return {name: self._at(operand) for name, operand in made.operands.items()}

    def _at(self, operand: Operand) -> Tensor:
        return self.runner.placed(operand.array, operand.layout)


def _changed_state(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Finding]:
    for name, value in after.items():
        if before.get(name) != value:
            yield Finding("C4", "changed-input", f"{name} changed: {before.get(name, '')[:40]} became {value[:40]}")

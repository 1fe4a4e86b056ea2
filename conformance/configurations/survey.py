"""All rows of a subject, each put to it once, and the outcome of a clause over those of one kind of input."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from conformance.adapter import NotOffered
from conformance.configurations.causes import Cause, causes
from conformance.configurations.factors import Row
from conformance.configurations.judgement import Finding
from conformance.configurations.reduced_call import script_of
from conformance.configurations.trial import Refused, Trial, Tried
from conformance.spec.clauses import CLAUSES
from conformance.spec.outcome import Conforms, Deviates
from conformance.spec.verdict import OF_BOUND, Judged
from conformance.subjects.subject import Runner


@dataclass(eq=False)
class Survey:
    """The rows of one runner; each is tried when the first clause asks for it."""

    trial: Trial
    thorough: bool = False
    found: dict[tuple[str, str], list[Cause]] = field(default_factory=dict)  # by clause and kind of input
    _tried: dict[int, Tried | str] = field(default_factory=dict)

    @functools.cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every row, of every kind of input."""
        return self.trial.rows(self.thorough)

    def outcome(self, clause: str, inputs: str) -> Judged:
        """What a clause finds in the rows of a kind of input. Raises NotOffered if it could look at none of them."""
        chosen = [index for index, row in enumerate(self.rows) if row["inputs"] == inputs]
        results = {index: self._at(index) for index in chosen}
        looked = {
            index: tried for index, tried in results.items() if isinstance(tried, Tried) and clause in tried.looked_at
        }
        if not looked:
            reasons = [tried for tried in results.values() if isinstance(tried, str)]
            raise NotOffered(reasons[0] if reasons else "no call of its kind has what the clause is about")
        failing = [index for index, tried in looked.items() if tried.of(clause)]
        measures = {"rows": len(looked), "refused": sum(isinstance(tried, str) for tried in results.values())}
        if not failing:
            bounded = CLAUSES[clause].bound is not None
            shares = {OF_BOUND: max(tried.of_bound(clause) for tried in looked.values())} if bounded else {}
            return Conforms({**measures, **shares})
        found = list(
            causes((self.rows[index] for index in failing), self.rows[0], functools.partial(self._check, clause))
        )
        self.found[clause, inputs] = found
        measures |= {"failing": len(failing), "causes": len(found)}
        if not found:
            # It failed among the others, and alone it does not: what came before is to blame, or what stays changed.
            first = looked[failing[0]].of(clause)[0]
            when = "and stays so" if clause == "C4" else "after other calls only"
            return Deviates(first.signature, f"{first.detail}, {when}", measures, first.worst)
        return self._deviates(found, measures)

    def _deviates(self, found: list[Cause], measures: dict[str, int]) -> Deviates:
        found.sort(key=lambda each: len(each.factors))
        dtype = self.trial.runner.subject.dtype
        first = found[0]
        told = [
            f"{first.finding.detail}, {first.sentence(dtype)}{'; anything else may be plain' if first.factors else ''}"
        ]
        told += [f"also {each.sentence(dtype)} ({each.finding.signature})" for each in found[1:]]
        return Deviates(
            first.finding.signature, "; ".join(told), measures, first.finding.worst, script_of(first, self.trial)
        )

    def _check(self, clause: str, row: Row, origin: Row) -> Finding | None:
        try:
            return next(iter(self.trial.put(row, origin).of(clause)), None)
        except Refused:
            return None

    def _at(self, index: int) -> Tried | str:
        if index not in self._tried:
            row = self.rows[index]
            try:
                self._tried[index] = self.trial.put(row, row)
            except Refused as reason:
                self._tried[index] = str(reason)
        return self._tried[index]


@dataclass(eq=False)
class Surveys:
    """The surveys of a session, each shared by its runner's clauses and cases."""

    seed: int = 0
    thorough: bool = False
    _known: dict[Runner, Survey] = field(default_factory=dict)

    def of(self, runner: Runner) -> Survey:
        """The survey of a runner. Subjects come one after the other: what the last one compiled for it is let go."""
        if runner not in self._known:
            for other in self._known:
                if other.subject.mode in other.adapter.compiles_each_shape:
                    other.forget()
            self._known[runner] = Survey(Trial(runner, self.seed), self.thorough)
        return self._known[runner]

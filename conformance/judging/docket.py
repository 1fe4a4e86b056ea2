"""The clauses to be heard for one case and subject, and what becomes of their outcomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from conformance.adapter import NotOffered
from conformance.golden.case import Case
from conformance.judging.examination import Examination, others
from conformance.judging.session import Session
from conformance.records import record
from conformance.records.ledger import Finding
from conformance.spec.clauses import CLAUSES, Clause
from conformance.spec.outcome import Crashed, Deviates, Errored, Outcome, Unsupported, Worst
from conformance.subjects import reproducer, rerun
from conformance.subjects.reproducer import script
from conformance.subjects.subject import Runner

# Which quantity a clause looks at, for the reproducer; the loss if it is not listed.
QUANTITIES = {
    "G1": "gradient", "G2": "gradient", "G3": "gradient", "G4": "gradient", "G8": "gradient", "G10": "gradient",
    "G13": "gradient",
    "L3": "gradient", "P3": "gradient", "P5": "gradient", "P6": "gradient", "P7": "gradient",
    "G5": "label_gradient", "G6": "curvature", "G11": "curvature", "G7": "tangent", "G12": "tangent",
}  # fmt: skip


class Hearing(Protocol):
    """A judge: conformance.running.judge has one."""

    def hear(self, runner: Runner, clause: str, case: Case) -> Outcome:
        """The outcome of one check."""


class Unexpected(AssertionError):
    """At least one outcome that the ledger does not list."""


@dataclass(eq=False)
class Docket:
    """One pytest item: every clause of a case that one chapter of the suite can check, for one subject."""

    session: Session
    runner: Runner
    case: Case
    records: list[record.Record] = field(default_factory=list)

    def hear(self, checks: Collection[str], judge: Hearing) -> None:
        """Hear the clauses, record each outcome, and raise Unexpected if the ledger lists one otherwise."""
        messages, outcomes = [], []
        for clause in self.clauses(checks):
            if (self.runner.subject.id, clause.id, self.case.id) in self.session.done:
                continue
            outcome = judge.hear(self.runner, clause.id, self.case)
            outcomes.append(outcome)
            messages += self._enter(clause, outcome)
        if messages:
            raise Unexpected("\n\n".join(messages))
        if outcomes and all(isinstance(outcome, Unsupported) for outcome in outcomes):
            pytest.skip(f"unsupported: {outcomes[0].reason}")  # type: ignore[union-attr]

    def clauses(self, checks: Collection[str]) -> list[Clause]:
        """The clauses of the case that the chapter has and the command line chose."""
        return [CLAUSES[name] for name in self.case.clauses if name in checks and self.session.clause_chosen(name)]

    def _enter(self, clause: Clause, outcome: Outcome) -> list[str]:
        subject = self.runner.subject
        finding = self.session.ledger_of(self.runner).judge(subject, clause.id, self.case.id, outcome)
        finding = dataclasses.replace(finding, documented=finding.documented or self._beyond_documentation(outcome))
        text = ""
        if isinstance(outcome, Deviates | Errored | Crashed):
            text = getattr(outcome, "script", "") or self._reproducer(clause, getattr(outcome, "worst", None))
        self.records.append(record.check_record(subject, clause.id, clause.level, self.case.id, outcome, finding, text))
        return [] if finding.expected else [self._message(clause, outcome, finding, text)]

    def _beyond_documentation(self, outcome: Outcome) -> bool:
        """True for a deviation in a dtype that the function's documentation does not name."""
        supports = self.runner.implementation.supports
        return (
            isinstance(outcome, Deviates | Errored)
            and supports is not None
            and (self.runner.subject.dtype not in supports.dtypes)
        )

    def _reproducer(self, clause: Clause, worst: Worst | None) -> str:
        if self.case.drawn or self.case.repeat > 1:
            return ""
        examination = Examination(self.runner, self.case, self.session)
        try:
            call, quantity, wrt = examination.reproducible(QUANTITIES.get(clause.id, "loss"), worst)
            if clause.id == "G12":
                wrt = others(self.case)[0]
            request = self.runner.request(call, quantity, wrt)
            return script(self.runner.adapter, request, call.operands, self.runner.subject.device, worst)
        except NotOffered:
            return ""

    def _message(self, clause: Clause, outcome: Outcome, finding: Finding, script_text: str) -> str:
        subject = self.runner.subject
        detail = getattr(outcome, "detail", "") or getattr(outcome, "reason", "")
        lines = [
            f"{clause.id} ({clause.level}) {clause.sentence}",
            f"  case     {self.case.id}: {self.case.idea}",
            f"  subject  {subject.id} ({subject.version})",
            f"  outcome  {outcome.name} {outcome.signature} ({finding.note}): {detail}",
            *_element_lines(getattr(outcome, "worst", None), clause, self.runner.takes),
            f"  rerun    {rerun.command(subject, clause.id, self.case.id)}",
        ]
        if script_text:
            lines += [
                "  alone    " + line if not index else "           " + line
                for index, line in enumerate(script_text.splitlines())
            ]
        return "\n".join(lines)


def _element_lines(worst: Worst | None, clause: Clause, takes: str) -> list[str]:
    if worst is None:
        return []
    allowed = f"{clause.bound.ulps:g} {clause.bound.measure} ULP" if clause.bound else "exact"
    operand = {"logits": "logit", "probabilities": "probability"}[takes]
    return [
        f"  element  {worst.index}: {operand} {_both(worst.logit)}, label {_both(worst.label)}",
        f"  got      {_both(worst.got)}",
        f"  exact    {_both(worst.exact)}",
        f"  distance {worst.result_ulp:.4g} result ULP, {worst.scaled_ulp:.4g} scaled ULP; allowed {allowed}",
    ]


def _both(text: str) -> str:
    if not text or text in ("nan", "inf", "-inf"):
        return text
    return f"{text} ({reproducer.shown(text)})"

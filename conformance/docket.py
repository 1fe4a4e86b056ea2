"""The clauses to be heard for one case and subject, and what becomes of their outcomes."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from conformance import record, reproducer
from conformance.adapter import NotOffered
from conformance.case import Case
from conformance.errors import UsageError
from conformance.examination import Examination, applicable
from conformance.ledger import Finding
from conformance.outcome import Deviates, Errored, Outcome, Unsupported, Worst
from conformance.reproducer import script
from conformance.session import Session
from conformance.spec import CLAUSES, Clause
from conformance.subject import Runner, WrongDevice

Checks = Mapping[str, Callable[[Examination], Outcome]]
# Which quantity a clause looks at, for the reproducer; the loss if it is not listed.
QUANTITIES = {
    "G1": "gradient", "G2": "gradient", "G3": "gradient", "G4": "gradient", "G8": "gradient", "G10": "gradient",
    "L3": "gradient", "G5": "label_gradient", "G6": "curvature", "G11": "curvature", "G7": "tangent",
}  # fmt: skip


class Unexpected(AssertionError):
    """At least one outcome that the ledger does not list."""


@dataclass(eq=False)
class Docket:
    """One pytest item: every clause of a case that one chapter of the suite can check, for one subject."""

    session: Session
    runner: Runner
    case: Case
    records: list[record.Record] = field(default_factory=list)

    def hear(self, checks: Checks) -> None:
        """Run the checks, record each outcome, and raise Unexpected if the ledger lists one otherwise."""
        messages, outcomes = [], []
        for clause in self.clauses(checks):
            outcome = self._outcome(checks[clause.id])
            finding = self.session.ledger_of(self.runner).judge(self.runner.subject, clause.id, self.case.id, outcome)
            outcomes.append(outcome)
            messages += self._enter(clause, outcome, finding)
        if messages:
            raise Unexpected("\n\n".join(messages))
        if outcomes and all(isinstance(outcome, Unsupported) for outcome in outcomes):
            pytest.skip(f"unsupported: {outcomes[0].reason}")  # type: ignore[union-attr]

    def clauses(self, checks: Checks) -> list[Clause]:
        """The clauses of the case that the chapter has and the command line chose."""
        return [CLAUSES[name] for name in self.case.clauses if name in checks and self.session.clause_chosen(name)]

    def _outcome(self, check: Callable[[Examination], Outcome]) -> Outcome:
        if reason := applicable(self.case, self.runner):
            return Unsupported(reason)
        examination = Examination(self.runner, self.case, self.session)
        try:
            # What a framework warns of is its users' business; it must not change what is computed here.
            with warnings.catch_warnings(action="ignore"):
                return check(examination)
        except NotOffered as reason:
            return Unsupported(str(reason))
        except WrongDevice as error:
            return Deviates("wrong-device", str(error))
        except (UsageError, pytest.fail.Exception):
            raise
        except Exception as error:
            return Errored(f"{type(error).__name__}: {_first_line(error)}")

    def _enter(self, clause: Clause, outcome: Outcome, finding: Finding) -> list[str]:
        text = ""
        if isinstance(outcome, Deviates | Errored):
            text = self._reproducer(clause, getattr(outcome, "worst", None))
        self.records.append(
            record.check_record(self.runner.subject, clause.id, clause.level, self.case.id, outcome, finding, text)
        )
        return [] if finding.expected else [self._message(clause, outcome, finding, text)]

    def _reproducer(self, clause: Clause, worst: Worst | None) -> str:
        if self.case.law or self.case.repeat > 1:
            return ""
        examination = Examination(self.runner, self.case, self.session)
        try:
            call, quantity, wrt = examination.reproducible(QUANTITIES.get(clause.id, "loss"), worst)
            request = self.runner.request(call, quantity, wrt)
            return script(self.runner.adapter, request, call.operands, self.runner.subject.device, worst)
        except NotOffered:
            return ""

    def _message(self, clause: Clause, outcome: Outcome, finding: Finding, script_text: str) -> str:
        subject = self.runner.subject
        rerun = (
            f"python -m conformance run --adapter {subject.adapter} "
            f"--implementation {shlex.quote(subject.implementation)} --mode {subject.mode} "
            f"--device {subject.device} --dtype {subject.dtype} --clause {clause.id} --case {self.case.id}"
        )
        detail = getattr(outcome, "detail", "") or getattr(outcome, "reason", "")
        lines = [
            f"{clause.id} ({clause.level}) {clause.sentence}",
            f"  case     {self.case.id}: {self.case.idea}",
            f"  subject  {subject.id} ({subject.version})",
            f"  outcome  {outcome.name} {outcome.signature} ({finding.note}): {detail}",
            *_element_lines(getattr(outcome, "worst", None), clause),
            f"  rerun    {rerun}",
        ]
        if script_text:
            lines += [
                "  alone    " + line if not index else "           " + line
                for index, line in enumerate(script_text.splitlines())
            ]
        return "\n".join(lines)


def _element_lines(worst: Worst | None, clause: Clause) -> list[str]:
    if worst is None:
        return []
    allowed = f"{clause.bound.ulps:g} {clause.bound.measure} ULP" if clause.bound else "exact"
    return [
        f"  element  {worst.index}: logit {_both(worst.logit)}, label {_both(worst.label)}",
        f"  got      {_both(worst.got)}",
        f"  exact    {_both(worst.exact)}",
        f"  distance {worst.result_ulp:.4g} result ULP, {worst.scaled_ulp:.4g} scaled ULP; allowed {allowed}",
    ]


def _both(text: str) -> str:
    if not text or text in ("nan", "inf", "-inf"):
        return text
    return f"{text} ({reproducer.shown(text)})"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else ""

"""Puts an implementation to the suite's own checks, in this process, and notes what fails."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass

from conformance import case
from conformance.docket import Checks, Docket
from conformance.outcome import Outcome
from conformance.plugin import SUITE
from conformance.session import Choice, open_session
from conformance.spec import CLAUSES

CHECKS: Checks = {
    clause: check
    for path in sorted(SUITE.glob("test_*.py"))
    for clause, check in importlib.import_module(f"conformance.suite.{path.stem}").CHECKS.items()
}


@dataclass(frozen=True)
class Heard:
    """One check: what came out."""

    clause: str
    case: str
    mode: str
    dtype: str
    outcome: Outcome

    @property
    def failed(self) -> bool:
        """True if the clause does not hold."""
        return self.outcome.name in ("deviates", "errored")


def hear(choice: Choice) -> Iterator[Heard]:
    """Every check of the chosen subjects."""
    session = open_session(choice)
    for runner in session.runners:
        for each in case.load_all():
            if runner.subject.dtype in each.dtypes and session.case_chosen(each.id):
                for clause, outcome in Docket(session, runner, each).outcomes(CHECKS):
                    yield Heard(clause.id, each.id, runner.subject.mode, runner.subject.dtype, outcome)

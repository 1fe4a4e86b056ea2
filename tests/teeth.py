"""Puts an implementation to the suite's own checks, in this process, and makes the kill matrix of what failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from conformance import case, content
from conformance.judge import Judge
from conformance.outcome import Deviates, Errored, Outcome
from conformance.session import Choice, open_session
from conformance.spec import CLAUSES
from tests.miniatures.miniature import Miniature

MATRIX = content.PACKAGE.parent / "reports" / "teeth.json"


@dataclass(frozen=True)
class Heard:
    """One check of one subject."""

    clause: str
    case: str
    outcome: Outcome

    @property
    def failed(self) -> bool:
        """True if the clause does not hold."""
        return isinstance(self.outcome, Deviates | Errored)


@dataclass(frozen=True)
class Verdict:
    """What caught a miniature: clauses, each with the cases that showed it."""

    miniature: Miniature
    caught: Mapping[str, Set[str]]

    @property
    def cases(self) -> set[str]:
        """Every case that it fails."""
        return set().union(*self.caught.values())


def hear(choice: Choice) -> Iterator[Heard]:
    """Every check of the chosen subjects."""
    session = open_session(choice)
    judge = Judge(session)
    for runner in session.runners:
        for each in session.cases_of(runner):
            for clause in filter(session.clause_chosen, each.clauses):
                yield Heard(clause, each.id, judge.hear(runner, clause, each))


def judge(miniature: Miniature) -> Verdict:
    """Run a miniature. Ten million elements, and processes, take seconds: for those that name such a clause."""
    named = {*miniature.caught_by}
    heavy = ({"L9"} - named) | (set() if {"R3", "R6"} & named else {"R3"})
    light = tuple(each.id for each in case.load_all() if not heavy.intersection(each.clauses))
    caught: dict[str, set[str]] = {}
    choice = Choice(
        adapters=(miniature.framework,),
        implementations=(miniature.target,),
        devices=("cpu",),
        dtypes=miniature.dtypes,
        modes=(miniature.mode,),
        cases=light,
    )
    for heard in hear(choice):
        if heard.failed:
            caught.setdefault(heard.clause, set()).add(heard.case)
    return Verdict(miniature, caught)


def matrix(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """The kill matrix as it is stored: clauses in the order of SPEC.md, miniatures in that of their files."""
    return {
        "clauses": list(CLAUSES),
        "miniatures": [
            {
                "name": each.miniature.name,
                "idea": each.miniature.idea,
                "kind": each.miniature.kind,
                "framework": each.miniature.framework,
                "source": each.miniature.source,
                "expected": [clause for clause in CLAUSES if clause in each.miniature.caught_by],
                "killed_by": [clause for clause in CLAUSES if clause in each.caught],
                "cases": len(each.cases),
            }
            for each in verdicts
        ],
    }


def drawing(stored: Mapping[str, Any]) -> str:
    """The matrix as text: X where the clause is named for the miniature and catches it, x where it does so unasked."""
    clauses = stored["clauses"]
    width = max(len(each["name"]) for each in stored["miniatures"])
    heads = ["".join(name.ljust(3)[row] for name in clauses) for row in range(3)]
    lines = [f"{'':{width}}  {head}".rstrip() for head in heads]
    for each in stored["miniatures"]:
        marks = ("." if name not in each["killed_by"] else "X" if name in each["expected"] else "x" for name in clauses)
        lines.append(f"{each['name']:{width}}  {''.join(marks)}")
    kills = [sum(name in each["killed_by"] for each in stored["miniatures"]) for name in clauses]
    lines += [f"{label:{width}}  {''.join(digits)}" for label, digits in _numbers("miniatures caught", kills)]
    return "\n".join(lines)


def _numbers(label: str, numbers: list[int]) -> list[tuple[str, list[str]]]:
    return [(label if not row else "", [f"{number:2d}"[row] for number in numbers]) for row in range(2)]

"""Puts an implementation to the suite's own checks, in this process, and makes the kill matrix of what failed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from conformance.configurations.factors import FACTORS
from conformance.golden import collection
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.running.judge import Judge
from conformance.spec.clauses import CLAUSES
from conformance.spec.outcome import Deviates, Errored, Outcome
from conformance.storage import content
from tests.miniatures.miniature import Miniature

CONFIGURED = frozenset(clause for clause in CLAUSES if clause.startswith("C"))
MATRIX = content.PACKAGE.parent / "reports" / "teeth.json"


@dataclass(frozen=True)
class Heard:
    """One check of one subject."""

    clause: str
    case: str
    outcome: Outcome
    dtype: str = ""

    @property
    def failed(self) -> bool:
        """True if the clause does not hold."""
        return isinstance(self.outcome, Deviates | Errored)


@dataclass(frozen=True)
class Verdict:
    """What caught a miniature: clauses, each with the cases that showed it."""

    miniature: Miniature
    caught: Mapping[str, Set[str]]
    needed: frozenset[tuple[str, str]] = frozenset()  # values of factors that a reduced cause of chapter C names
    kills: frozenset[tuple[str, str, str]] = frozenset()  # clause, case and dtype of all that failed

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
                yield Heard(clause, each.id, judge.hear(runner, clause, each), runner.subject.dtype)


def judge(miniature: Miniature) -> Verdict:
    """Run a miniature: by chapter C where it names one of its clauses, by the others where it names one of those."""
    caught: dict[str, set[str]] = {}
    kills: set[tuple[str, str, str]] = set()
    needed: set[tuple[str, str]] = set()
    configured = {clause for clause in miniature.caught_by if clause in CONFIGURED}
    with as_it_was():
        for heard in _by_the_others(miniature) if set(miniature.caught_by) - configured else ():
            if heard.failed:
                caught.setdefault(heard.clause, set()).add(heard.case)
                kills.add((heard.clause, heard.case, heard.dtype))
        for dtype in miniature.dtypes if configured else ():
            for heard in _by_configurations(miniature, dtype, configured, needed):
                if heard.failed:
                    caught.setdefault(heard.clause, set()).add(heard.case)
                    kills.add((heard.clause, heard.case, heard.dtype))
    return Verdict(miniature, caught, frozenset(needed), frozenset(kills))


def _by_the_others(miniature: Miniature) -> Iterator[Heard]:
    """Ten million elements, and processes, take seconds: for those that name such a clause."""
    named = {*miniature.caught_by}
    heavy = ({"L9"} - named) | (set() if {"R3", "R6"} & named else {"R3"}) | CONFIGURED
    light = tuple(each.id for each in collection.load_all() if not heavy.intersection(each.clauses))
    yield from hear(_choice(miniature, miniature.dtypes, light))


def _by_configurations(
    miniature: Miniature, dtype: str, named: Set[str], needed: set[tuple[str, str]]
) -> Iterator[Heard]:
    """One kind of input after the other, until every named clause has failed: each takes seconds."""
    session = open_session(_choice(miniature, (dtype,), ("configurations/*",)))
    (runner,) = session.runners
    judge, left = Judge(session), set(named)
    by_inputs = {each.configurations: each for each in session.cases_of(runner)}
    for inputs in FACTORS["inputs"] if left else ():
        for clause in sorted(left & {*by_inputs[inputs].clauses}):
            heard = Heard(clause, by_inputs[inputs].id, judge.hear(runner, clause, by_inputs[inputs]), dtype)
            left -= {clause} if heard.failed else set()
            yield heard
    for found in session.surveys.of(runner).found.values():
        needed |= {factor for cause in found for factor in cause.factors}


def _choice(miniature: Miniature, dtypes: tuple[str, ...], cases: tuple[str, ...]) -> Choice:
    return Choice(
        adapters=(miniature.framework,),
        implementations=(miniature.target,),
        devices=("cpu",),
        dtypes=dtypes,
        modes=(miniature.mode,),
        cases=cases,
    )


@contextlib.contextmanager
def as_it_was() -> Iterator[None]:
    """Put back what some miniatures leave changed on purpose."""
    dtype, threads, errors = torch.get_default_dtype(), torch.get_num_threads(), np.geterr()
    precision = torch.get_float32_matmul_precision()
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        torch.set_grad_enabled(True)
        torch.set_flush_denormal(False)
        torch.use_deterministic_algorithms(False)
        torch.set_float32_matmul_precision(precision)
        np.seterr(**errors)


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

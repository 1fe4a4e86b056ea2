"""One check put to one subject, in this process: what the suite's function finds, or why there is nothing to find."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import traceback
import warnings
from collections.abc import Callable, Mapping

from conformance import curve, refusal, suite
from conformance.adapter import NotOffered
from conformance.case import Case
from conformance.errors import UsageError
from conformance.examination import Disconnected, Examination, applicable
from conformance.outcome import Deviates, Errored, Outcome, Unsupported
from conformance.record import Record
from conformance.session import Session
from conformance.shape import WrongShape
from conformance.subject import Runner, WrongDevice
from conformance.target import is_target

Check = Callable[[Examination], Outcome]


class Judge:
    """Runs checks where it is; conformance.isolation has the one that runs them in a process of its own."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def hear(self, runner: Runner, clause: str, case: Case) -> Outcome:
        """The outcome of a clause for a subject and a case. Raises UsageError for a case that cannot be used."""
        if reason := applicable(case, runner):
            return Unsupported(reason)
        try:
            # What a framework warns of is its users' business; it must not change what is computed here.
            with warnings.catch_warnings(action="ignore"):
                return checks()[clause](Examination(runner, case, self.session))
        except UsageError:
            raise
        except (Exception, SystemExit) as error:
            return _failed(error, runner, case)

    def draw(self, runner: Runner) -> list[Record]:
        """The error curves of a subject."""
        return curve.drawn(runner)


@functools.cache
def checks() -> Mapping[str, Check]:
    """The function of each clause, from the tables of the suite's modules."""
    found: dict[str, Check] = {}
    for module in pkgutil.iter_modules(suite.__path__):
        found |= getattr(importlib.import_module(f"{suite.__name__}.{module.name}"), "CHECKS", {})
    return found


def _by_candidate(error: NotOffered, runner: Runner) -> bool:
    """True if the file that was brought along raised it: a signature says what is offered, not a case."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return is_target(runner.implementation.name) and not frame.f_globals["__name__"].startswith(
        ("conformance", "_conformance_adapter")
    )


def _failed(error: BaseException, runner: Runner, case: Case) -> Outcome:
    """What became of a check that ended with an error."""
    if isinstance(error, NotOffered) and not _by_candidate(error, runner):
        return Unsupported(str(error))
    if isinstance(error, WrongDevice):
        return Deviates("wrong-device", str(error))
    if isinstance(error, WrongShape):
        return Deviates("wrong-shape", str(error))
    if isinstance(error, Disconnected):
        return Deviates("not-differentiable", str(error))
    if not case.finite and refusal.speaks_of_special_numbers(error, runner.adapter.packages):
        return Unsupported(f"it refuses what is not finite: {refusal.told(error)}")
    return Errored(refusal.told(error))

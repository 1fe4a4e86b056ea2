"""One check put to one subject: what the suite's function finds, or why there is nothing to find.

A subject in a worker may crash, hang, or end its process: the check that was running is charged with it.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import warnings
from collections import Counter
from collections.abc import Callable, Mapping

from conformance import suite
from conformance.adapter import NotOffered
from conformance.errors import UsageError
from conformance.golden.case import Case
from conformance.judging.examination import Disconnected, Examination
from conformance.judging.offers import applicable
from conformance.judging.session import Session
from conformance.records.record import Record
from conformance.remote.link import Limits, WorkerDied
from conformance.spec.outcome import Crashed, Deviates, Errored, NoData, Outcome, Unsupported
from conformance.subjects import curve, refusal
from conformance.subjects.lookback import ResultChanged
from conformance.subjects.shape import WrongShape
from conformance.subjects.subject import Runner, WrongDevice
from conformance.subjects.target import is_target

Check = Callable[[Examination], Outcome]
UNLIMITED = Limits()
_DEVIATIONS: Mapping[type[BaseException], str] = {
    WrongDevice: "wrong-device",
    WrongShape: "wrong-shape",
    ResultChanged: "differs",
    Disconnected: "not-differentiable",
}
PATIENCE = 10  # crashes after which a subject is left alone: each of them costs the start of a process


class Judge:
    """Hears checks; the subjects of its session are in this process, or in workers."""

    def __init__(self, session: Session, limits: Limits = UNLIMITED) -> None:
        self.session, self.limits = session, limits
        self._crashes = Counter[str]()

    def hear(self, runner: Runner, clause: str, case: Case) -> Outcome:
        """The outcome of a clause for a subject and a case. Raises UsageError for a case that cannot be used."""
        subject = runner.subject.id
        while self._crashes[subject] < PATIENCE:
            self.session.begin(self.limits.seconds)
            try:
                return self._heard(runner, clause, case)
            except WorkerDied as death:
                for each in self.session.runners:
                    each.lookback.forget()
                if death.over is not None:
                    # The shared tensor was fatal; this case's own elements may not be.
                    self.session.batches.fatal.add(death.over)
                    continue
                self._crashes[subject] += 1
                return Crashed(death.detail, death.signature)
        return NoData(f"not run: the subject had crashed {PATIENCE} times")

    def _heard(self, runner: Runner, clause: str, case: Case) -> Outcome:
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
        """The error curves of a subject; a record of what happened if its process died over them."""
        self.session.begin(self.limits.seconds)
        try:
            return curve.drawn(runner)
        except WorkerDied as death:
            return curve.refused(runner, death.detail)


@functools.cache
def checks() -> Mapping[str, Check]:
    """The function of each clause, from the tables of the suite's modules."""
    found: dict[str, Check] = {}
    for module in pkgutil.iter_modules(suite.__path__):
        found |= getattr(importlib.import_module(f"{suite.__name__}.{module.name}"), "CHECKS", {})
    return found


def _by_candidate(error: NotOffered, runner: Runner) -> bool:
    """True if the file that was brought along raised it: a signature says what is offered, not a case."""
    ours = refusal.raised_in(error).startswith(("conformance", "_conformance_adapter"))
    return is_target(runner.implementation.name) and not ours


def _failed(error: BaseException, runner: Runner, case: Case) -> Outcome:
    """What became of a check that ended with an error."""
    if isinstance(error, NotOffered) and not _by_candidate(error, runner):
        return Unsupported(str(error))
    for kind, signature in _DEVIATIONS.items():
        if isinstance(error, kind):
            return Deviates(signature, str(error))
    if not case.finite and refusal.speaks_of_special_numbers(error, runner.adapter.packages):
        return Unsupported(f"it refuses what is not finite: {refusal.told(error)}")
    return Errored(refusal.told(error))

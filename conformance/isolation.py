"""A judge in a process of its own, because a subject may crash, hang, or end the process that runs it.

The check that was running is charged with it; a new process goes on with the next one.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, cast

from conformance import case as cases
from conformance import curve
from conformance.case import Case
from conformance.errors import UsageError
from conformance.examination import Shared
from conformance.judge import Judge
from conformance.outcome import Crashed, NoData, Outcome
from conformance.record import Record
from conformance.session import Choice, open_session
from conformance.subject import Runner

PATIENCE = 10  # crashes after which a subject is left alone: each of them costs the start of a process
CURVE = "curve"  # in the place of a clause: what is asked for is no check
START = 600.0  # seconds within which a framework must have been imported


@dataclass(frozen=True)
class Limits:
    """Seconds that a check may take, compilation included, and GiB that its process may allocate (0: no limit)."""

    seconds: float = 600.0
    gibibytes: float = 0.0


@dataclass
class IsolatedJudge:
    """Like conformance.judge.Judge, in a process that may die."""

    choice: Choice
    limits: Limits = Limits()
    _process: BaseProcess | None = None
    _pipe: Any = None
    _fatal: set[Shared] = field(default_factory=set)
    _crashes: Counter[str] = field(default_factory=Counter)

    def hear(self, runner: Runner, clause: str, case: Case) -> Outcome:
        """The outcome, Crashed if the process died or was killed over it. Raises UsageError as Judge does."""
        subject = runner.subject.id
        if self._crashes[subject] >= PATIENCE:
            return NoData(f"not run: the subject had crashed {PATIENCE} times")
        while True:
            answer = self._ask(subject, clause, case.id)
            if isinstance(answer, Shared):
                # The shared tensor was fatal; this case's own elements may not be.
                self._fatal.add(answer)
                continue
            if isinstance(answer, UsageError):
                raise answer
            self._crashes[subject] += isinstance(answer, Crashed)
            return cast("Outcome", answer)

    def draw(self, runner: Runner) -> list[Record]:
        """The error curves; a record of what happened if the process died or was killed over them."""
        answer = self._ask(runner.subject.id, CURVE, "")
        return answer if isinstance(answer, list) else curve.refused(runner, getattr(answer, "detail", ""))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def _ask(self, subject: str, clause: str, case: str) -> Any:
        doing: Shared | None = None
        try:
            if self._process is None:
                self._start()
            self._pipe.send((subject, clause, case))
            while True:
                if not self._pipe.poll(self.limits.seconds):
                    self.close()
                    return doing or Crashed(f"no result within {self.limits.seconds:g} s: it was killed", "timeout")
                answer = self._pipe.recv()
                if not isinstance(answer, Shared | None):
                    return answer
                doing = answer
        except (EOFError, OSError):
            status = self._status()
            self.close()
            return doing or Crashed(_cause(status))

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=serve, args=(other, self.choice, self.limits, frozenset(self._fatal)), daemon=True
        )
        with _deaf_to_interrupts():
            self._process.start()
        other.close()
        if not self._pipe.poll(START):
            raise UsageError(f"the judging process does not start within {START:g} s; try --no-isolation")
        self._pipe.recv()

    def _status(self) -> int | None:
        if self._process is None:
            return None
        self._process.join(5)
        return self._process.exitcode


def serve(pipe: Connection, choice: Choice, limits: Limits, fatal: frozenset[Shared]) -> None:
    """Judge what the other end asks for, until it is gone. Runs in the process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that writes the records
    _die_with_parent()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a subject prints is not the suite's output
    # Threads of OpenMP that spin while they wait take the core from each other: four times the processor time, where
    # two processes judge on two cores. It is read when a framework is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if limits.gibibytes:
        _limit_memory(limits.gibibytes)
    session = open_session(choice)
    session.batches.fatal = fatal
    session.batches.announce = pipe.send
    judge = Judge(session)
    runners = {runner.subject.id: runner for runner in session.runners}
    pipe.send(None)
    while True:
        try:
            subject, clause, case = pipe.recv()
        except EOFError:
            return
        try:
            if clause == CURVE:
                pipe.send(judge.draw(runners[subject]))
            else:
                pipe.send(judge.hear(runners[subject], clause, cases.named(case)))
        except UsageError as error:
            pipe.send(UsageError(str(error)))


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A process begun inside never hears of Ctrl-C, not even while it imports: it would tell its traceback."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _cause(status: int | None) -> str:
    if status is None:
        return "the process died"
    if status < 0:
        return f"the process died of {signal.Signals(-status).name}"
    return f"the process ended itself with status {status}"


def _die_with_parent() -> None:
    # A process that hangs does not notice that nobody listens any more.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _limit_memory(gibibytes: float) -> None:
    import resource  # not on Windows

    limit = int(gibibytes * 2**30)
    # RLIMIT_AS would count the addresses that CUDA and XLA reserve without using them.
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

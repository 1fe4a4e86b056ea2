"""One process of a stage: started in a group of its own, watched, and ended in time with everything that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from benchmarks.gpu.here import ROOT, Found, environment
from benchmarks.gpu.plan import Stage, Step

TICK = 0.2  # seconds between looks
PACKED_EVERY = 15.0  # seconds: what a run loses that is killed without a word
MOST_OF_IT = 0.7  # of a stage's time that is left, for one of several steps
GRACE = 4.0  # seconds to write what there is


class Cut(Exception):
    """The run was told to stop."""


class Book(Protocol):
    """Where a stage writes: an Account."""

    found: Found
    scratch: Path

    def ran(self, stage: str, step: str, seconds: float, reason: str) -> None:
        """Note what became of a step; '' if it ran to its end."""

    def pack(self, stage: str) -> None:
        """Put the records that there are into DIR."""


@dataclass
class Running:
    """A step's process."""

    step: Step
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    start: float

    def end(self, number: int) -> None:
        """Signal its whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def run_stage(stage: Stage, end: float, book: Book) -> None:
    """Run what can run until ``end``, of the clock that is monotonic; write down why the rest cannot."""
    able = []
    for step in stage.steps:
        lack = book.found.lack(step.needs, step.gibibytes)
        if lack:
            book.ran(stage.name, step.name, 0.0, f"not run: {lack}")
        else:
            able.append(step)
    groups = [[*able]] if stage.together else [[each] for each in able]
    for place, group in enumerate(groups):
        left = end - time.monotonic()
        if left < 1.0:
            for step in group:
                book.ran(stage.name, step.name, 0.0, "not run: no time left")
        elif group:
            # One that hangs leaves something to those after it.
            limit = end if place == len(groups) - 1 else time.monotonic() + MOST_OF_IT * left
            _watch(stage, [_start(stage, step, book.scratch) for step in group], limit, book)


def _start(stage: Stage, step: Step, scratch: Path) -> Running:
    out = scratch / stage.name / step.name
    out.mkdir(parents=True, exist_ok=True)
    log = (out / "log.txt").open("wb")
    command = [word.replace("{out}", str(out)) for word in step.command]
    own = {**environment(), **step.environment}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=own, start_new_session=True
    )
    return Running(step, process, log, time.monotonic())


def _watch(stage: Stage, running: list[Running], end: float, book: Book) -> None:
    packed, left = time.monotonic(), list(running)
    try:
        while left:
            for each in [each for each in left if each.process.poll() is not None]:
                left.remove(each)
                _note(stage, each, book, _ended(each))
            if time.monotonic() > end:
                return
            if time.monotonic() - packed > PACKED_EVERY:
                book.pack(stage.name)
                packed = time.monotonic()
            time.sleep(TICK)
    finally:
        _stop(left)
        for each in left:
            _note(stage, each, book, f"cut off after {time.monotonic() - each.start:.0f} s")
        for each in running:
            each.log.close()


def _note(stage: Stage, each: Running, book: Book, reason: str) -> None:
    book.ran(stage.name, each.step.name, time.monotonic() - each.start, reason)
    book.pack(stage.name)


def _ended(each: Running) -> str:
    """'' if it did what it should: a run that found deviations has exit code 1, and is a result."""
    code = each.process.returncode
    if code in (0, 1):
        return ""
    each.log.flush()
    lines = Path(each.log.name).read_text(encoding="utf-8", errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f"not run: exit code {code}: {said[-1][:200] if said else 'without a word'}"


def _stop(left: list[Running]) -> None:
    """Ask them to end, then end them; also where this is called because somebody asked the same of this process."""
    for each in left:
        each.end(signal.SIGINT)
    limit = time.monotonic() + GRACE
    while any(each.process.poll() is None for each in left) and time.monotonic() < limit:
        time.sleep(TICK)
    for each in left:
        each.end(signal.SIGKILL)
        each.process.wait()

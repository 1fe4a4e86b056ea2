"""Subjects against each other: a process each, in environments of their own, taking turns within every round.

The first subject has two processes. What they differ by is what the machine adds: the A/A arm.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conformance.arithmetic.exact import Floats
from conformance.errors import UsageError
from conformance.speed.statistic import Ratio, paired_ratio

PAUSE = 0.03  # seconds after a turn: until then threads that wait for work spin, on the next one's cores


@dataclass(frozen=True)
class Duel:
    """``generations`` of processes, ``rounds`` in each of them; ``threads`` for each framework."""

    workload: str
    threads: int
    generations: int = 10
    rounds: int = 20


@dataclass(frozen=True)
class Arm:
    """One subject: who it is, its seconds a call (generations, rounds), and its ratio to the first subject."""

    name: str
    version: str
    seconds: Floats
    ratio: Ratio
    verdict: str


class Process:
    """A contender. ``SUBJECT@PYTHON`` runs in another environment."""

    def __init__(self, asked: str, duel: Duel) -> None:
        subject, python = interpreter(asked)
        command = [python, "-m", "conformance.speed.contender", subject, duel.workload, str(duel.threads)]
        self.asked = asked
        # A pipe that nobody reads would stop it.
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True
        )

    def ready(self) -> dict[str, Any]:
        """Wait for it. Raises UsageError with what it says, if it does not start."""
        return self._answer()

    def round(self) -> float:
        """Seconds a call."""
        if self._process.stdin is None:
            raise TypeError("the process has no input")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._answer()["seconds"])

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def _answer(self) -> dict[str, Any]:
        text = self._process.stdout.readline() if self._process.stdout else ""
        if not text:
            self._process.wait()
            self._said.seek(0)
            said = self._said.read().strip().splitlines()
            raise UsageError(f"{self.asked}: the process ended: {said[-1] if said else 'without a word'}")
        answer: dict[str, Any] = json.loads(text)
        if "error" in answer:
            raise UsageError(f"{self.asked}: {answer['error']}")
        return answer


def interpreter(asked: str) -> tuple[str, str]:
    """Subject and Python of SUBJECT[@PYTHON]. Raises UsageError if there is no such file."""
    subject, at, python = asked.rpartition("@")
    if not at:
        return asked, sys.executable
    if not Path(python).is_file():
        raise UsageError(f"{asked}: no file '{python}'; write SUBJECT@path/to/environment/bin/python")
    return subject, python


def fight(subjects: Sequence[str], duel: Duel, told: Callable[[int], None]) -> list[Arm]:
    """All arms: the first subject, the first once more, then the others. ``told`` hears of each round.

    Raises UsageError if one of them does not start.
    """
    asked = [subjects[0], *subjects]
    seconds = np.empty((len(asked), duel.generations, duel.rounds))
    names: list[dict[str, Any]] = []
    for generation in range(duel.generations):
        with contextlib.ExitStack() as stack:
            processes = [stack.enter_context(contextlib.closing(Process(each, duel))) for each in asked]
            names = [each.ready() for each in processes]
            for turn in range(duel.rounds):
                for place in _order(len(asked), turn):
                    seconds[place, generation, turn] = processes[place].round()
                    time.sleep(PAUSE)
                told(1)
    return judged(names, seconds)


def _order(arms: int, turn: int) -> list[int]:
    """There and back again, each time from the next arm on: A B C, C B A, B C A, A C B, ..."""
    there = [(turn // 2 + step) % arms for step in range(arms)]
    return there if turn % 2 == 0 else there[::-1]


def judged(names: Sequence[dict[str, Any]], seconds: Floats) -> list[Arm]:
    """The arms with their verdicts. Where the A/A arm is not the same, no other verdict can be had."""
    ratios = [paired_ratio(seconds[0], arm) for arm in seconds]
    quiet = ratios[1].verdict in ("same", "inconclusive")
    return [
        Arm(
            str(name["subject"]),
            str(name["version"]),
            arm,
            ratio,
            ratio.verdict if quiet or place == 1 else "inconclusive",
        )
        for place, (name, arm, ratio) in enumerate(zip(names, seconds, ratios, strict=True))
    ]

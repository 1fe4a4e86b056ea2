"""Subjects against each other: a worker each, in environments of their own, taking turns within every round.

The first subject has two processes. What they differ by is what the machine adds: the A/A arm.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from conformance.arithmetic.exact import Floats
from conformance.speed.contender import Contender
from conformance.speed.statistic import Ratio, paired_ratio
from conformance.subjects.subject import Subject

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
    fault: str = ""  # why what was timed says nothing


def fight(subjects: Sequence[str], duel: Duel, told: Callable[[int], None]) -> list[Arm]:
    """All arms: the first subject, the first once more, then the others. ``told`` hears of each round.

    Raises UsageError if one of them does not start.
    """
    asked = [subjects[0], *subjects]
    seconds = np.empty((len(asked), duel.generations, duel.rounds))
    subjects_of: list[Subject] = []
    faults = [""] * len(asked)
    for generation in range(duel.generations):
        with contextlib.ExitStack() as stack:
            arms = [
                stack.enter_context(contextlib.closing(Contender(each, duel.workload, duel.threads))) for each in asked
            ]
            subjects_of = [each.runner.subject for each in arms]
            for turn in range(duel.rounds):
                for place in _order(len(asked), turn):
                    seconds[place, generation, turn] = arms[place].round()
                    time.sleep(PAUSE)
                told(1)
            faults = [known or each.fault for known, each in zip(faults, arms, strict=True)]
    return judged(subjects_of, seconds, faults)


def _order(arms: int, turn: int) -> list[int]:
    """There and back again, each time from the next arm on: A B C, C B A, B C A, A C B, ..."""
    there = [(turn // 2 + step) % arms for step in range(arms)]
    return there if turn % 2 == 0 else there[::-1]


def judged(subjects: Sequence[Subject], seconds: Floats, faults: Sequence[str] = ()) -> list[Arm]:
    """The arms with their verdicts. Where the A/A arm is not the same, no other verdict can be had.

    An arm that has a fault has none, and nobody has one beside a first arm with a fault.
    """
    ratios = [paired_ratio(seconds[0], arm) for arm in seconds]
    quiet = ratios[1].verdict in ("same", "inconclusive")
    faults = faults or [""] * len(subjects)
    return [
        Arm(subject.id, subject.version, arm, ratio, _verdict(ratio, fault or faults[0], quiet or place == 1), fault)
        for place, (subject, arm, ratio, fault) in enumerate(zip(subjects, seconds, ratios, faults, strict=True))
    ]


def _verdict(ratio: Ratio, fault: str, quiet: bool) -> str:
    if fault:
        return "no rank"
    return ratio.verdict if quiet else "inconclusive"

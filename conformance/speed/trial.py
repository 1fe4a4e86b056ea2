"""One subject at one workload: placed, compiled, warmed up, timed beside the yardstick, and what becomes a record."""

from __future__ import annotations

import dataclasses
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from conformance.records.record import Record
from conformance.speed import audit, yardstick
from conformance.speed.clock import CLOCK
from conformance.speed.stage import Stage, fewer
from conformance.speed.workload import Workload
from conformance.subjects.subject import Runner
from conformance.subjects.threads import cores
from conformance.worker import memory

AUDITS = 2  # rounds that are looked at where looking takes longer than the round


@dataclass(eq=False)
class Trial:
    """One pytest item: it times, and judges nothing."""

    runner: Runner
    workload: Workload
    records: list[Record] = field(default_factory=list)
    moved: list[dict[str, float]] = field(default_factory=list)  # bytes a second, by yardstick and round
    processor: list[float] = field(default_factory=list)  # cores kept busy, by round
    fault: str = ""  # why what was timed says nothing

    @property
    def id(self) -> str:
        """As it stands in test ids."""
        return f"{self.runner.subject.id}|{self.workload.name}"

    def prepare(self) -> None:
        """Everything that is not timed. Raises as Stage does."""
        dtype, device = self.runner.dtype, self.runner.subject.device
        self.stage = Stage(self.runner, self.workload)
        self.stage.warm_up()
        self.most = self.stage.calls
        self.expected = self._cost()
        size = self.workload.elements * (dtype.bits // 8)
        if device == "cpu":
            self.yardstick = yardstick.of_cpu(size)
        else:
            self.yardstick = yardstick.of_device(self.stage.rounds, size)

    def rounds(self, least: int, seconds: float) -> int:
        """How many rounds fit into the time, ``least`` at least."""
        count = max(least, min(100, int(seconds / self.expected)))
        self.audited = set(range(count)) if self.workload.elements <= audit.EVERY else _some(count)
        return count

    def between(self) -> None:
        """Before each round: the last one's result is looked at, what the machine moves, and new operands."""
        self._look()
        self.moved.append(self.yardstick.measure())
        self.stage.fill(self.most)
        self.stage.calls = CLOCK.calls = fewer(self.most)

    def round(self) -> None:
        """What is timed."""
        self.stage.timed()
        self.processor.append(self.stage.processor / self.stage.seconds)

    def _cost(self) -> float:
        """Seconds of a round with its operands."""
        start = time.perf_counter()
        self.stage.fill(self.most)
        self.stage.timed()
        return time.perf_counter() - start

    def _look(self) -> None:
        if not self.fault and len(self.processor) - 1 in self.audited:
            self.fault = audit.fault(self.stage)

    def finish(self, samples: Sequence[float]) -> None:
        """Record the seconds a call of each round, and what else is measured of the subject."""
        self._look()
        dtype, work = self.runner.dtype, self.workload
        fewest = work.fewest_bytes(dtype)
        share = statistics.median(
            fewest / seconds / each["add"] for seconds, each in zip(samples, self.moved, strict=True)
        )
        low, median, high = np.quantile(samples, (0.05, 0.5, 0.95))
        self.records.append(
            {
                "record": "speed",
                "subject": dataclasses.asdict(self.runner.subject),
                "workload": work.name,
                "pass": work.step,
                "reduction": work.reduction,
                "elements": work.elements,
                "fewest_bytes": fewest,
                "median": float(median),
                "low": float(low),
                "high": float(high),
                "samples": [float(f"{each:.5g}") for each in samples],
                "calls": self.most,
                "first_call": self.stage.first_call,
                "peak_memory": self._peak(),
                "threads": self.runner.adapter.threads() or cores(),
                "busy": round(statistics.median(self.processor), 3),
                "yardstick": {name: statistics.median(each[name] for each in self.moved) for name in self.moved[0]},
                "of_bandwidth": share,
                **({"unranked": reason} if (reason := self.fault or audit.too_fast(share)) else {}),
            }
        )
        del self.stage

    def _peak(self) -> int | None:
        small = self.workload.elements * (self.runner.dtype.bits // 8) < memory.LEAST
        return None if small and self.runner.subject.device == "cpu" else self.stage.rounds.peak()


def _some(count: int) -> set[int]:
    return {0, *random.sample(range(count), min(count, AUDITS) - 1)}

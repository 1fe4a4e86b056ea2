"""One subject at one workload: placed, compiled, warmed up, timed beside the yardstick, and what becomes a record."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conformance.adapter import NotOffered, Program, Tensor
from conformance.records.record import Record
from conformance.speed import yardstick
from conformance.speed.loop import Loop
from conformance.speed.workload import Workload
from conformance.subjects import memory
from conformance.subjects.subject import Runner
from conformance.subjects.threads import busy, cores

ROOM = 16  # arrays of N elements that a program may need at once


class Stage:
    """A subject's program with its operands in place; calling it computes once and waits for the result."""

    def __init__(self, runner: Runner, workload: Workload) -> None:
        """Raises NotOffered, WrongDevice, and what the framework raises."""
        if workload.reduction not in runner.implementation.reductions:
            raise NotOffered(f"it has no reduction '{workload.reduction}'")
        if ROOM * workload.elements * (runner.dtype.bits // 8) > memory.available():
            raise NotOffered(f"{workload.name} needs more memory than there is")
        self.adapter = runner.adapter
        call = workload.call(runner.dtype)
        self.operands: Mapping[str, Tensor] = runner.place(call)
        # Not the runner's own: that one may have been compiled for these shapes already.
        self.program: Program = runner.adapter.program(runner.request(call, workload.quantity))
        start = time.perf_counter()
        result = self()
        self.first_call = time.perf_counter() - start
        for each in _parts(result):
            runner.require_here(each)

    def __call__(self) -> Any:
        """Compute, wait, and return the native result."""
        result = self.program(self.operands)
        for each in _parts(result):
            self.adapter.wait(each)
        return result


def _parts(result: Any) -> tuple[Tensor, ...]:
    """Loss and gradient, or the loss alone."""
    return result if isinstance(result, tuple) else (result,)


@dataclass(eq=False)
class Trial:
    """One pytest item: it times, and judges nothing."""

    runner: Runner
    workload: Workload
    records: list[Record] = field(default_factory=list)
    moved: list[dict[str, float]] = field(default_factory=list)  # bytes a second, by yardstick and round

    @property
    def id(self) -> str:
        """As it stands in test ids."""
        return f"{self.runner.subject.id}|{self.workload.name}"

    def prepare(self) -> None:
        """Everything that is not timed. Raises as Stage does."""
        dtype, device = self.runner.dtype, self.runner.subject.device
        self.stage = Stage(self.runner, self.workload)
        self.loop = Loop(self.stage)
        self.expected = self.loop.warm_up()
        size = self.workload.elements * (dtype.bits // 8)
        if device == "cpu":
            self.yardstick = yardstick.of_cpu(size)
        else:
            self.yardstick = yardstick.of_device(self.runner.adapter, np.ones(size // 4, np.float32), device)

    def rounds(self, least: int, seconds: float) -> int:
        """How many rounds fit into the time, ``least`` at least."""
        return max(least, min(100, int(seconds / (self.expected * self.loop.calls))))

    def between(self) -> None:
        """Before each round: what the machine moves at this moment."""
        self.moved.append(self.yardstick.measure())

    def finish(self, samples: Sequence[float]) -> None:
        """Record the seconds a call of each round, and what else is measured of the subject."""
        dtype, work = self.runner.dtype, self.workload
        fewest = work.fewest_bytes(dtype)
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
                "calls": self.loop.calls,
                "first_call": self.stage.first_call,
                "peak_memory": self._peak(),
                "threads": self.runner.adapter.threads() or cores(),
                "busy": round(busy(self.loop), 3),
                "yardstick": {name: statistics.median(each[name] for each in self.moved) for name in self.moved[0]},
                "of_bandwidth": statistics.median(
                    fewest / seconds / each["add"] for seconds, each in zip(samples, self.moved, strict=True)
                ),
            }
        )
        del self.stage, self.loop

    def _peak(self) -> int | None:
        if self.runner.subject.device != "cpu":
            return self.runner.adapter.peak_memory(self.stage)
        enough = self.workload.elements * (self.runner.dtype.bits // 8) >= memory.LEAST
        return memory.peak_above(self.stage) if enough and not self.runner.adapter.keeps_memory else None

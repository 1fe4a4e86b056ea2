"""Where a sweep's seconds go: the host's functions, the device's kernels, groups that come home, compiling or not."""

from __future__ import annotations

import cProfile
import pstats
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conformance.subjects.subject import Runner
from conformance.sweep.device import DeviceWorker
from conformance.sweep.grid import Block

PROFILED = 12  # blocks
SHOWN = 25  # functions, and kernels
Timings = dict[str, Any]


def profiled(runner: Runner, chosen: Sequence[Block]) -> Timings:
    """Seconds by function of the host and by kernel of the device, of a few blocks in one thread."""
    normal = [each for each in chosen if not each.special(runner.dtype)]
    few = normal[:: max(1, len(normal) // PROFILED)][:PROFILED]
    if runner.subject.device == "cpu":
        few = [Block(each.first, 1 << 16, each.label) for each in few[:2]]
    worker = DeviceWorker(runner, ("loss", "gradient"), threading.Event())
    for each in few[:1]:
        worker.sweep(each)

    def work() -> None:
        for each in few:
            worker.sweep(each)

    profile, home = cProfile.Profile(), Home(worker)
    took = seconds(lambda: profile.runcall(work))
    found: Timings = {"blocks": len(few), "seconds": took, "home": home.told(), "host": functions(profile)}
    if runner.subject.adapter == "pytorch":
        found["device"] = kernels(work, runner.subject.device)
        found["summary"] = summaries(worker, few[0])
    return found


class Home:
    """Counts the groups that a worker's device does not decide, and the seconds that they take at home."""

    def __init__(self, worker: DeviceWorker) -> None:
        self.groups, self.seconds, self._count = 0, 0.0, worker._at_home
        worker._at_home = self  # type: ignore[method-assign]

    def __call__(self, counter: Any, got: Any, undecided: Any) -> None:
        """As the worker's own."""
        self.groups += len(undecided)
        self.seconds += seconds(lambda: self._count(counter, got, undecided))

    def told(self) -> dict[str, float]:
        """As it is written."""
        return {"groups": self.groups, "seconds": self.seconds}


def summaries(worker: DeviceWorker, block: Block) -> dict[str, Any]:
    """Seconds of counting one result op by op and compiled: whether PyTorch's compiler would pay."""
    import torch

    operands, plain = counted_operands(worker, block), worker._summary
    compiled = torch.compile(plain, dynamic=False) if worker.device == "gpu" else plain
    took: dict[str, Any] = {}
    for name, function in (("op by op", plain), ("compiled", compiled)):

        def call(function: Callable[..., Any] = function) -> None:
            for each in function(*operands):
                worker.adapter.wait(each)

        try:
            took[f"{name}, first call"] = seconds(call)
            took[name] = sorted(seconds(call) for _ in range(5))[2]
        except Exception as error:  # an experiment: what it raises is its result
            took[name] = f"{type(error).__name__}: {error}"[:500]
    return took


def counted_operands(worker: DeviceWorker, block: Block) -> tuple[Any, ...]:
    """What the worker's summary is given for the first quantity of a block."""
    plain, given = worker._summary, []

    def watched(*operands: Any) -> Any:
        given.append(operands)
        return plain(*operands)

    worker._summary = watched
    try:
        worker.sweep(block)
    finally:
        worker._summary = plain
    return given[0]


def functions(profile: cProfile.Profile) -> list[dict[str, Any]]:
    """The host's functions by their own time."""
    rows = [
        {"function": f"{Path(file).name}:{line}:{name}", "calls": calls, "own_s": own, "all_s": whole}
        for (file, line, name), (calls, _, own, whole, _) in pstats.Stats(profile).stats.items()  # type: ignore[attr-defined]
    ]
    return sorted(rows, key=lambda row: -row["own_s"])[:SHOWN]


def kernels(work: Callable[[], None], device: str) -> list[dict[str, Any]]:
    """PyTorch's operations and kernels by their time on the device."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device == "gpu" else [])]
    with profile(activities=activities) as found:
        work()
    rows = [
        {
            "name": each.key,
            "calls": each.count,
            "device_us": float(getattr(each, "self_device_time_total", 0.0)),
            "host_us": float(each.self_cpu_time_total),
        }
        for each in found.key_averages()
    ]
    return sorted(rows, key=lambda row: (-row["device_us"], -row["host_us"]))[:SHOWN]


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start

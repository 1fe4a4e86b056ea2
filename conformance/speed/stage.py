"""A subject at one workload, where a round is so many calls over operands that no call of the round has seen."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

from conformance.adapter import Array, NotOffered, Request
from conformance.remote.proxy import RemoteAdapter
from conformance.remote.rounds import RemoteRounds
from conformance.speed.workload import Workload, inputs
from conformance.subjects.subject import Runner, WrongDevice
from conformance.worker import memory
from conformance.worker.rounds import Rounds

ROOM = 16  # arrays of N elements that a program may need at once
SPAN = 1 << 27  # bytes of operands of a round at most, but for two sets
SLACK = 1 << 12  # offsets at which the sets of a round may begin
ROUND = 0.02  # seconds of a round at least: a hundred times what a message there and back takes
STEADY = 0.05  # warm: three rounds in a row within this share of the fastest of them
PATIENCE = 600.0  # seconds in which all of it must be over
WARM_UP = 1.0  # seconds after which even an unsteady call counts as warm


class Stage:
    """``calls`` calls are a round, fewer by chance each time: nobody can know which one is the last."""

    def __init__(self, runner: Runner, workload: Workload) -> None:
        """Raises NotOffered, WrongDevice, and what the framework raises."""
        if workload.reduction not in runner.implementation.reductions:
            raise NotOffered(f"it has no reduction '{workload.reduction}'")
        bytes_of_one = workload.elements * (runner.dtype.bits // 8)
        if ROOM * bytes_of_one > memory.available():
            raise NotOffered(f"{workload.name} needs more memory than there is")
        self.runner, self.workload = runner, workload
        if isinstance(runner.adapter, RemoteAdapter):
            runner.adapter.link.begin(PATIENCE)
        self.most = max(2, SPAN // (2 * bytes_of_one))  # sets of operands
        drawn = inputs(workload.elements + self.most + SLACK, runner.dtype)
        self.reels = dict(zip(("logits", "labels"), drawn, strict=True))
        self.offset, self.count, self.calls = 0, 1, 1
        call = workload.call(runner.dtype)
        fixed = {name: array for name, array in call.operands.items() if name == "cotangent"}
        self.rounds = _rounds(runner, runner.request(call, workload.quantity), workload.dimensions, self.reels, fixed)
        self.rounds.fill(0, 1)
        self.first_call = self.timed()
        for where in self.rounds.devices():
            if where != runner.subject.device:
                raise WrongDevice(f"the result is on {where}, not on {runner.subject.device}")

    def warm_up(self, least: float = ROUND, seconds: float = WARM_UP) -> float:
        """Find how many calls make a round and repeat it until it is steady; returns its seconds a call."""
        end = time.perf_counter() + seconds
        self.fill(2)
        self.calls = 2
        while (each := self.timed() / self.calls) * self.calls < least and self.calls < self.most:
            self.calls = min(self.most, max(2 * self.calls, int(1.2 * least / max(each, 1e-9))))
        self.fill(self.calls)
        last = [each]
        while time.perf_counter() < end:
            last = [*last[-2:], self.timed() / self.calls]
            if len(last) == 3 and max(last) <= (1 + STEADY) * min(last):
                break
        return last[-1]

    def fill(self, count: int) -> None:
        """New values for so many sets."""
        self.offset, self.count = random.randrange(SLACK), count
        self.rounds.fill(self.offset, count)

    def timed(self) -> float:
        """Seconds of one round, by the clock of this process."""
        start = time.perf_counter()
        self.processor = self.rounds.run(self.calls)
        self.seconds = time.perf_counter() - start
        return self.seconds

    def given(self, index: int) -> dict[str, Array]:
        """What set ``index`` must hold."""
        start = self.offset + index
        stop = start + self.workload.elements
        return {name: reel[start:stop] for name, reel in self.reels.items()}

    def last(self) -> int:
        """The set of the last call."""
        return (self.calls - 1) % self.count


def fewer(calls: int) -> int:
    """A number of calls that nobody can know, up to a tenth below ``calls``."""
    return calls - random.randrange(calls // 10 + 1)


def _rounds(
    runner: Runner, request: Request, shape: tuple[int, ...], reels: Mapping[str, Array], fixed: Mapping[str, Array]
) -> Rounds | RemoteRounds:
    adapter, device = runner.adapter, runner.subject.device
    if isinstance(adapter, RemoteAdapter):
        return adapter.rounds(request, device, reels, shape, fixed)
    # Not the runner's own program: that one may have been compiled for these shapes already.
    return Rounds(adapter, adapter.program(request), device, reels, shape, fixed)

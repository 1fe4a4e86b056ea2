"""One block: the implementation computes it in pieces that stay in the cache, the kernels count them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash

from conformance.adapter import Array, Tensor
from conformance.dtype import Dtype
from conformance.spec import GRADIENT_SHOULD, LOSS_SHOULD
from conformance.subject import Call, Runner
from conformance.sweep import ball, kernel, oracle, pairs
from conformance.sweep.classes import NAN_LOST, SIZE, half
from conformance.sweep.grid import CURVE_BINS, Block, number, patterns
from conformance.sweep.tally import Region, Tally, Witness, has_distance

# A piece of 256 KiB: its operands and results stay in the caches, and calls cost little beside what they compute.
PIECE = 1 << 16
# Each worker keeps to its own core. A framework that divides a piece among threads besides waits for them at every
# operation, on a busy machine a hundred times longer than it computes. Frameworks read this when they are imported.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
LIMITS = {"loss": LOSS_SHOULD.ulps, "gradient": GRADIENT_SHOULD.ulps}


class Stopped(Exception):
    """The sweep was interrupted in the middle of a block."""


@dataclass(frozen=True)
class Swept:
    """A finished block: a tally and a hash of the output bits (xxh3-128) for each quantity."""

    block: Block
    tallies: Mapping[str, Tally]
    hashes: Mapping[str, str]


class Worker:
    """Sweeps blocks of one subject; each thread has its own."""

    def __init__(self, runner: Runner, quantities: tuple[str, ...], stop: threading.Event) -> None:
        self.runner, self.quantities, self.stop = runner, quantities, stop
        self.dtype: Dtype = runner.dtype
        wanted = "both" if len(quantities) == 2 else quantities[0]
        self.program = runner.adapter.program(runner.request(Call({}), wanted))
        self._operands: dict[str, Tensor] = {}
        self._label: tuple[int, int] = (-1, 0)
        self._undecided = np.empty(PIECE, np.int64)

    def sweep(self, block: Block) -> Swept:
        """Count a block. Raises Stopped, and what the framework raises."""
        counters = {name: _Counter(self, block, name) for name in self.quantities}
        hashes = {name: xxhash.xxh3_128() for name in self.quantities}
        size = min(PIECE, block.count)
        for label in range(block.labels):
            for start in range(0, block.count, size):
                if self.stop.is_set():
                    raise Stopped
                results = self.compute(block.first + start, size, block.label + label)
                for name, result in zip(self.quantities, results, strict=True):
                    hashes[name].update(result.view(np.uint8).data)
                    counters[name].count(result, start, label)
        tallies = {name: each.tally() for name, each in counters.items()}
        return Swept(block, tallies, {name: each.hexdigest() for name, each in hashes.items()})

    def compute(self, first: int, count: int, label: int) -> tuple[Array, ...]:
        """What the implementation returns for consecutive logits and one label, a result for each quantity."""
        adapter, device = self.runner.adapter, self.runner.subject.device
        if self._label != (label, count):
            labels = patterns(label, 1, self.dtype).repeat(count)
            self._operands = {"labels": adapter.place(labels, device)}
            if "gradient" in self.quantities:
                self._operands["cotangent"] = adapter.place(np.ones(count, self.dtype.numpy), device)
            self._label = (label, count)
        logits = adapter.place(patterns(first, count, self.dtype), device)
        returned = self.program({"logits": logits, **self._operands})
        results = returned if len(self.quantities) == 2 else (returned,)
        return tuple(self._fetched(each, count) for each in results)

    def _fetched(self, result: Tensor, count: int) -> Array:
        self.runner.require_here(result)
        array = np.ascontiguousarray(self.runner.adapter.fetch(result))
        if array.dtype != self.dtype.numpy or array.shape != (count,):
            raise TypeError(f"the result is {array.dtype} {array.shape}, not {self.dtype.name} {(count,)}")
        return array


class _Counter:
    """Counts one quantity of one block."""

    def __init__(self, worker: Worker, block: Block, quantity: str) -> None:
        self.block, self.quantity, self.dtype = block, quantity, worker.dtype
        self.limit, self.half = LIMITS[quantity], half(self.dtype)
        self.undecided = worker._undecided
        self.state, self.extremes, self.seen = kernel.blank(SIZE)
        self.balls = 0
        self.bins = np.zeros(CURVE_BINS)
        self.measure = self._kernel()

    def count(self, results: Array, start: int, label: int) -> None:
        """Count the results for the logits from offset ``start`` on."""
        left = self.measure(results, start, label)
        for offset in self.undecided[:left]:
            self._decide(results, int(offset), start, label)

    def _kernel(self) -> Callable[[Array, int, int], int]:
        block, dtype = self.block, self.dtype
        counters: tuple[Any, ...] = (self.limit, self.half, self.state, self.extremes, self.seen, self.undecided)
        if dtype.bits == 16:
            table = pairs.terms(dtype.name)[0 if self.quantity == "loss" else 1]
            numbers = pairs.values(dtype.name)
            settings = (dtype.emin, dtype.precision, self.half)

            def sixteen(results: Array, start: int, label: int) -> int:
                z = numbers[block.label + label]
                gradient = self.quantity == "gradient"
                fixed = (label, z, numbers, table, gradient, settings, self.bins, block.count)
                return int(
                    pairs.measure(
                        results.view(np.uint16), block.first + start, start, *fixed, self.limit, *counters[2:]
                    )
                )

            return sixteen
        if block.magnitude(dtype) >= 0x7F800000:
            return self._special
        positive_label = block.label != 0
        rising = block.negative(dtype) == positive_label
        sign = -1.0 if positive_label and self.quantity == "gradient" else 1.0
        table32 = oracle.table(block.magnitude(dtype), block.count, self.quantity, rising)

        def thirty_two(results: Array, start: int, label: int) -> int:  # noqa: ARG001 - one label a block
            left = int(kernel.measure(results, start, table32.first, table32.rows, table32.subnormal, sign, *counters))
            self.undecided[:left] -= start
            return left

        return thirty_two

    def _special(self, results: Array, start: int, label: int) -> int:  # noqa: ARG002
        """Infinity, the first element of its block, and NaN."""
        nan = np.isnan(results)
        lost = np.flatnonzero(~nan)
        infinite = start == 0 and self.block.magnitude(self.dtype) == 0x7F800000
        if infinite:
            lost = lost[lost != 0]
            self._infinity(float(results[0]))
        for offset in lost[:1]:
            self._bad(NAN_LOST, start + int(offset), float(results[offset]), 0.0)
        if len(lost):
            self.state[0, NAN_LOST] += len(lost) - 1
            self.state[2, NAN_LOST] = start + int(lost[-1])
        self.state[0, 0] += len(results) - len(lost) - infinite
        return 0

    def _infinity(self, got: float) -> None:
        sign, label = (-1.0 if self.block.negative(self.dtype) else 1.0), number(self.block.label, self.dtype)
        kind, e = ball.limit(sign, label, got, self.quantity, self.dtype)
        if kind == 0:
            self.state[0, 0] += 1
        else:
            self._bad(kind, 0, got, e)

    def _decide(self, results: Array, offset: int, start: int, label: int) -> None:
        got = float(results[offset])
        logit = number(self.block.first + start + offset, self.dtype)
        kind, e = ball.classify(logit, number(self.block.label + label, self.dtype), got, self.quantity, self.dtype)
        self.balls += 1
        place = label * self.block.count + start + offset
        if has_distance(kind) and e > self.extremes[-1]:
            self.extremes[-1], self.state[3, 0], self.seen[0] = e, place, got
        if e > self.limit or not has_distance(kind):
            self._bad(kind, place, got, e)
        else:
            self.state[0, kind] += 1
        if has_distance(kind):
            at = (start + offset) * CURVE_BINS // self.block.count
            self.bins[at] = max(self.bins[at], e)

    def _bad(self, kind: int, place: int, got: float, e: float) -> None:
        state, offset = self.state, place % self.block.count
        state[0, kind] += 1
        state[1, kind] = offset if state[1, kind] < 0 else min(state[1, kind], offset)
        state[2, kind] = max(state[2, kind], offset)
        if self.extremes[kind] < 0 or e > self.extremes[kind]:
            self.extremes[kind], state[3, kind], self.seen[kind] = e, place, got

    def tally(self) -> Tally:
        """What was counted."""
        state, block = self.state, self.block
        side = "negative" if block.negative(self.dtype) else "positive"
        regions = {
            (kind, side): Region(
                block.first + int(state[1, kind]),
                block.first + int(state[2, kind]),
                self._witness(float(self.extremes[kind]), int(state[3, kind]), float(self.seen[kind])),
            )
            for kind in range(SIZE)
            if state[1, kind] >= 0
        }
        worst = None
        if self.extremes[-1] >= 0:
            worst = self._witness(float(self.extremes[-1]), int(state[3, 0]), float(self.seen[0]))
        counts = {kind: int(count) for kind, count in enumerate(state[0]) if count}
        if self.dtype.bits > 16:
            curve = {block.first: max(float(self.extremes[-1]), 0.0)}
        else:
            width = block.count // CURVE_BINS
            curve = {block.first + index * width: float(e) for index, e in enumerate(self.bins)}
        return Tally(counts, self.balls, worst, regions, curve)

    def _witness(self, e: float, place: int, got: float) -> Witness:
        label, offset = divmod(place, self.block.count)
        bits = np.array([got]).astype(self.dtype.numpy).view(f"u{self.dtype.bits // 8}")
        return Witness(e, self.block.first + offset, self.block.label + label, int(bits[0]))

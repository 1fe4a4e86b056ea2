"""One block: the implementation computes it in pieces that stay in the cache, the kernels count them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from conformance.adapter import Array, Tensor
from conformance.arithmetic.dtype import Dtype
from conformance.subjects.subject import Call, Runner
from conformance.sweep.counter import Counter
from conformance.sweep.fingerprint import Fingerprint
from conformance.sweep.grid import BLOCK, Block, patterns
from conformance.sweep.tally import Tally

# A piece of 512 KiB: its operands and results stay in the caches, and calls cost little beside what they compute.
PIECE = 1 << 17
# Each worker keeps to its own core. A framework that divides a piece among threads besides waits for them at every
# operation, on a busy machine a hundred times longer than it computes. Frameworks read this when they are imported.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Stopped(Exception):
    """The sweep was interrupted in the middle of a block."""


@dataclass(frozen=True)
class Swept:
    """A finished block: a tally and a fingerprint of the output bits for each quantity."""

    block: Block
    tallies: Mapping[str, Tally]
    hashes: Mapping[str, str]


class Worker:
    """Sweeps blocks of one subject; each thread has its own."""

    def __init__(self, runner: Runner, quantities: tuple[str, ...], stop: threading.Event) -> None:
        self.runner, self.quantities, self.stop = runner, quantities, stop
        self.dtype: Dtype = runner.dtype
        # A device waits for calls and copies, not for its caches.
        self.piece = PIECE if runner.subject.device == "cpu" else BLOCK
        wanted = "both" if len(quantities) == 2 else quantities[0]
        self.program = runner.adapter.program(runner.request(Call({}), wanted))
        # Blocks alternate between two labels.
        self._operands = functools.lru_cache(maxsize=2)(self._placed)
        self._undecided = np.empty(BLOCK, np.int64)

    def sweep(self, block: Block) -> Swept:
        """Count a block. Raises Stopped, and what the framework raises."""
        counters, prints = self.counters(block), self.fingerprints()
        size = min(self.piece, block.count)
        for label in range(block.labels):
            for start in range(0, block.count, size):
                self.require_running()
                results = self.compute(block.first + start, size, block.label + label)
                for name, result in zip(self.quantities, results, strict=True):
                    prints[name].update(result)
                    counters[name].count(result, start, label)
        return self.swept(block, counters, prints)

    def compute(self, first: int, count: int, label: int) -> tuple[Array, ...]:
        """What the implementation returns for consecutive logits and one label, a result for each quantity."""
        return tuple(self._fetched(each, count) for each in self.results(first, count, label))

    def results(self, first: int, count: int, label: int) -> tuple[Tensor, ...]:
        """The same as the framework's tensors, on the subject's device."""
        returned = self.program({"logits": self._logits(first, count), **self._operands(label, count)})
        results: tuple[Tensor, ...] = returned if len(self.quantities) == 2 else (returned,)
        for each in results:
            self.runner.require_here(each)
        return results

    def counters(self, block: Block) -> dict[str, Counter]:
        """One for each quantity."""
        return {name: Counter(block, name, self.dtype, self._undecided) for name in self.quantities}

    def fingerprints(self) -> dict[str, Fingerprint]:
        """One for each quantity."""
        return {name: Fingerprint() for name in self.quantities}

    def swept(self, block: Block, counters: Mapping[str, Counter], prints: Mapping[str, Fingerprint]) -> Swept:
        """What became of a block."""
        tallies = {name: each.tally() for name, each in counters.items()}
        return Swept(block, tallies, {name: each.hexdigest() for name, each in prints.items()})

    def require_running(self) -> None:
        """Raise Stopped if the sweep was interrupted."""
        if self.stop.is_set():
            raise Stopped

    def require_kind(self, dtype: np.dtype, shape: tuple[int, ...], count: int) -> None:
        """Raise TypeError unless a result is one number of the dtype under test for each logit."""
        if dtype != self.dtype.numpy or shape != (count,):
            raise TypeError(f"the result is {dtype} {shape}, not {self.dtype.name} {(count,)}")

    def _placed(self, label: int, count: int) -> Mapping[str, Tensor]:
        adapter, device = self.runner.adapter, self.runner.subject.device
        operands = {"labels": adapter.place(patterns(label, 1, self.dtype).repeat(count), device)}
        if "gradient" in self.quantities:
            operands["cotangent"] = adapter.place(np.ones(count, self.dtype.numpy), device)
        return operands

    def _logits(self, first: int, count: int) -> Tensor:
        return self.runner.adapter.place(patterns(first, count, self.dtype), self.runner.subject.device)

    def _fetched(self, result: Tensor, count: int) -> Array:
        array = np.ascontiguousarray(self.runner.adapter.fetch(result))
        self.require_kind(array.dtype, array.shape, count)
        return array

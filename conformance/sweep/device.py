"""A sweep that stays where the results are: logits, implementation, exact results, errors, counts, fingerprint.

The fast path of kernel.py in the framework's own arrays, those of the array API standard, one row a group of GROUP
results. Home come, for each group, how many errors are within each of its thresholds, the largest error, and the sum
of the fingerprint: 44 bytes instead of 4096. Groups that these do not decide, as beside a boundary or beyond the limit,
come home as they are, and the kernel counts them there.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np
import numpy.typing as npt

from conformance.adapter import Adapter, NotOffered, Tensor
from conformance.exact import Integers
from conformance.subject import Runner
from conformance.sweep.block import Swept, Worker
from conformance.sweep.counter import Counter
from conformance.sweep.fingerprint import KEYS, Fingerprint
from conformance.sweep.grid import Block
from conformance.sweep.kernel import GROUP, NO_ERROR, ROUNDED, thresholds, within
from conformance.sweep.oracle import Table

_MAGNITUDE, _SMALLEST_NORMAL = 0x7FFFFFFF, 0x00800000  # of float32, as bits
HALF, TWO, FINE, SUBNORMAL = 0, 2, 6, 7  # rows of the counts; 3 to 5 are the upper sides of the first three
WORKERS = 4  # enough that the device need not wait for Python


def worker(runner: Runner, quantities: tuple[str, ...], stop: threading.Event) -> Worker:
    """What sweeps blocks of a subject: on its device where the framework can make logits there, else at home."""
    if runner.subject.device == "cpu" or runner.subject.dtype != "float32":
        return Worker(runner, quantities, stop)
    try:
        return DeviceWorker(runner, quantities, stop)
    except NotOffered:
        return Worker(runner, quantities, stop)


@dataclass(frozen=True, eq=False)
class Pieces:
    """A block's polynomials, tensors on the device but for the last.

    ``rows`` and ``edges`` (n, 7): of each piece, scale and coefficients, and its thresholds. ``places`` (groups): the
    piece in which a group begins. ``begins`` (groups, 1): at which t. ``whole`` (groups): it is the only one.
    """

    rows: Tensor
    edges: Tensor
    places: Tensor
    begins: Tensor
    whole: npt.NDArray[np.bool_]


class DeviceWorker(Worker):
    """Sweeps blocks of float32 on the device of one subject. Raises NotOffered where its adapter cannot."""

    def __init__(self, runner: Runner, quantities: tuple[str, ...], stop: threading.Event) -> None:
        super().__init__(runner, quantities, stop)
        self.adapter, self.device = runner.adapter, runner.subject.device
        self._summary, self._take = _programs(self.adapter, self.device)

    def sweep(self, block: Block) -> Swept:
        """Count a block. Raises Stopped, and what the framework raises."""
        if block.special(self.dtype):
            return super().sweep(block)
        self.require_running()
        results = self.results(block.first, block.count, block.label)
        counters, prints = self.counters(block), self.fingerprints()
        for name, result in zip(self.quantities, results, strict=True):
            self._count(counters[name], prints[name], result, block.count // GROUP)
        return self.swept(block, counters, prints)

    def _logits(self, first: int, count: int) -> Tensor:
        return self.adapter.consecutive(first, count, self.dtype.name, self.device)

    def _count(self, counter: Counter, fingerprint: Fingerprint, result: Tensor, groups: int) -> None:
        """Count the result (groups * GROUP) of a whole block."""
        one = self.adapter.fetch(result.reshape((-1,))[:1])
        self.require_kind(one.dtype, tuple(result.shape), groups * GROUP)
        pieces = self._pieces(counter, groups)
        got = result.reshape((groups, GROUP))
        bits = self.adapter.bits(result).reshape((groups, GROUP))
        placed = (self._take(each, pieces.places, axis=0) for each in (pieces.rows, pieces.edges))
        with np.errstate(over="ignore", invalid="ignore"):  # such errors are infinite or NaN, and come home
            counts, peaks, sums = map(self.adapter.fetch, self._summary(got, bits, pieces.begins, *placed))
        fingerprint.add(sums)
        decided = pieces.whole & (counts[FINE] == GROUP) & (counts[SUBNORMAL] == 0)
        decided &= (counts[HALF : TWO + 1] == counts[TWO + 1 : FINE]).all(axis=0)
        self._at_home(counter, got, np.flatnonzero(~decided))
        left = np.where(decided, peaks, -1.0)
        worst = int(np.argmax(left))
        # As in the kernel, what is worse by less than this is no new worst.
        if left[worst] > max(float(counter.extremes[-1]), NO_ERROR) * (1.0 + 2.0 * ROUNDED):
            decided[worst] = False
            self._at_home(counter, got, np.array([worst]))
        most = (counts[: TWO + 1] * decided).sum(axis=1, dtype=np.int64)
        counter.state[0, :4] += np.diff(most, prepend=0, append=GROUP * int(decided.sum()))

    def _pieces(self, counter: Counter, groups: int) -> Pieces:
        """The polynomials of a block on the device."""
        table, sign = counter.exact()
        return _placed(self.adapter, self.device, table, sign, counter.limit, groups)

    def _at_home(self, counter: Counter, got: Tensor, undecided: Integers) -> None:
        """Let the kernel count whole groups."""
        if not len(undecided):
            return
        # A framework that compiles for each shape shall see few of them.
        padded = np.resize(undecided, 1 << (len(undecided) - 1).bit_length())
        rows = self.adapter.fetch(self._take(got, self.adapter.place(padded, self.device), axis=0))
        for begin, end in _runs(undecided):
            counter.count(rows[begin:end].reshape(-1), int(undecided[begin]) * GROUP, 0)


@functools.cache
def _programs(adapter: Adapter, device: str) -> tuple[Callable[..., Any], Callable[..., Tensor]]:
    """The summary, compiled once for all threads, and the namespace's own take."""
    xp = array_api_compat.array_namespace(adapter.consecutive(0, GROUP, "float32", device))
    ramp, keys = (adapter.place(each, device) for each in (np.arange(float(GROUP)), KEYS))

    def summed_up(
        got: Tensor, bits: Tensor, begins: Tensor, rows: Tensor, edges: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        return _summary(xp, got, bits, begins, rows, edges, ramp, keys)

    return adapter.fused(summed_up), xp.take


def _summary(
    xp: ModuleType,
    got: Tensor,
    bits: Tensor,
    begins: Tensor,
    rows: Tensor,
    edges: Tensor,
    ramp: Tensor,
    keys: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Counts (8, groups), largest errors (groups) and sums (groups) of ``got`` and its ``bits`` (groups, GROUP)."""
    step, inverse, c0, c1, c2, c3, c4 = (rows[:, place : place + 1] for place in range(7))
    t = ramp[None, :] * step + begins
    square = t * t
    y = (c0 + t * c1) + square * ((c2 + t * c3) + square * c4)
    errors = xp.astype(xp.abs(xp.astype(got, xp.float64) * inverse - y), xp.float32)
    magnitude = bits & _MAGNITUDE
    # Devices may read subnormal numbers as zeros, integers they do not.
    subnormal = (magnitude != 0) & (magnitude < _SMALLEST_NORMAL)
    marks = [*(errors <= edges[:, place : place + 1] for place in range(FINE + 1)), subnormal]
    counts = xp.stack([xp.sum(each, axis=1, dtype=xp.int32) for each in marks])
    return (
        counts,
        xp.max(errors, axis=1),
        xp.sum(xp.astype(bits, xp.int64) * xp.astype(keys, xp.int64)[None, :], axis=1),
    )


@functools.lru_cache(maxsize=8192)
def _placed(adapter: Adapter, device: str, table: Table, sign: float, limit: float, groups: int) -> Pieces:
    """What a block's groups need of its table; 2^22 results have 40 KB of it, so that a whole sweep is kept.

    A group with subnormal exact results counts as one that has none.
    """
    starts = np.arange(groups) * GROUP
    places = np.searchsorted(table.first, starts, side="right") - 1
    whole = (table.first[places + 1] >= starts + GROUP) & ~table.subnormal[places]
    step, offset, inverse, bound = table.rows[:, :4].T
    rows = np.column_stack((step, inverse * sign, table.rows[:, 4:]))
    farthest = np.array([within.py_func(row, limit) for row in table.rows])
    fine = (farthest - bound) * (1.0 - ROUNDED)
    edges = np.column_stack((*thresholds.py_func(bound), fine)).astype(np.float32)
    begins = (starts - offset[places]) * step[places] - 1.0
    # A framework that compiles for each shape shall see few of them.
    size = 4 ** ((len(rows) - 1).bit_length() + 1 >> 1)
    rows, edges = (np.pad(each, ((0, size - len(each)), (0, 0))) for each in (rows, edges))
    there = [adapter.place(each, device) for each in (rows, edges, places, begins[:, None])]
    return Pieces(there[0], there[1], there[2], there[3], whole)


def _runs(indices: Sequence[int] | Integers) -> Iterator[tuple[int, int]]:
    """Where runs of consecutive numbers begin and end in a sorted array."""
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    yield from zip([0, *map(int, breaks)], [*map(int, breaks), len(indices)], strict=True)

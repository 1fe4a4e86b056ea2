"""A sweep that stays where the results are: logits, implementation, exact results, errors, counts, fingerprint.

The fast path of kernel.py in the framework's own arrays, those of the array API standard, one row a group of GROUP
results. All exact results are one matrix product, of each group's polynomial and the powers of its columns' places: a
framework that writes each operation's result to memory does so once, not ten times. Home come, for each group, how many
errors are within each of its thresholds, the largest error, and the sum of the fingerprint: 44 bytes instead of 4096.
Groups that these do not decide, as beside a boundary or beyond the limit, come home as they are, and the kernel counts
them there.
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
from conformance.arithmetic.exact import Integers
from conformance.subjects.subject import Runner
from conformance.sweep.block import Swept, Worker
from conformance.sweep.counter import Counter
from conformance.sweep.fingerprint import KEYS, Fingerprint
from conformance.sweep.grid import Block
from conformance.sweep.kernel import GROUP, NO_ERROR, ROUNDED, thresholds, within
from conformance.sweep.oracle import DEGREE, Table

_MAGNITUDE, _SMALLEST_NORMAL = 0x7FFFFFFF, 0x00800000  # of float32, as bits
HALF, TWO, FINE, SUBNORMAL = 0, 2, 6, 7  # rows of the counts; 3 to 5 are the upper sides of the first three
_POWERS = (np.arange(GROUP) / (GROUP / 2) - 1.0) ** np.arange(DEGREE + 1)[:, None]
_REARRANGED = 2.0 * DEGREE * 2.0**-53  # of S, see _exact: more than (DEGREE + 1) u
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
class Groups:
    """The exact results of a block's groups, tensors on the device but for the last.

    ``polynomials`` (groups, DEGREE + 1): coefficients in a column's place s in [-1, 1), in ulps. ``inverses``
    (groups, 1): 1 / ulp. ``edges`` (groups, 7): thresholds. ``whole`` (groups): one polynomial is for all of the group.
    """

    polynomials: Tensor
    inverses: Tensor
    edges: Tensor
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
        table, sign = counter.exact()
        exact = _exact(self.adapter, self.device, table, sign, counter.limit, groups)
        got = result.reshape((groups, GROUP))
        bits = self.adapter.bits(result).reshape((groups, GROUP))
        with np.errstate(over="ignore", invalid="ignore"):  # such errors are infinite or NaN, and come home
            found = self._summary(got, bits, exact.polynomials, exact.inverses, exact.edges)
        counts, peaks, sums = map(self.adapter.fetch, found)
        fingerprint.add(sums)
        decided = exact.whole & (counts[FINE] == GROUP) & (counts[SUBNORMAL] == 0)
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
    powers, keys = (adapter.place(each, device) for each in (_POWERS, KEYS.astype(np.int64)[None, :]))

    def summed_up(*operands: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return _summary(xp, powers, keys, *operands)

    return adapter.fused(summed_up), xp.take


def _summary(
    xp: ModuleType,
    powers: Tensor,
    keys: Tensor,
    got: Tensor,
    bits: Tensor,
    polynomials: Tensor,
    inverses: Tensor,
    edges: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Counts (8, groups), largest errors (groups) and sums (groups) of ``got`` and its ``bits`` (groups, GROUP).

    ``powers`` (DEGREE + 1, GROUP), ``keys`` (1, GROUP, int64); the others as in Groups.
    """
    errors = xp.astype(xp.abs(got * inverses - xp.matmul(polynomials, powers)), xp.float32)
    magnitude = bits & _MAGNITUDE
    # Devices may read subnormal numbers as zeros, integers they do not.
    subnormal = (magnitude != 0) & (magnitude < _SMALLEST_NORMAL)
    marks = [*(errors <= edges[:, place : place + 1] for place in range(FINE + 1)), subnormal]
    counts = xp.stack([xp.sum(each, axis=1, dtype=xp.int32) for each in marks])
    return counts, xp.max(errors, axis=1), xp.sum(bits * keys, axis=1)


@functools.lru_cache(maxsize=4096)
def _exact(adapter: Adapter, device: str, table: Table, sign: float, limit: float, groups: int) -> Groups:
    """What a block's groups need of its table: 0.3 MB, which stays for another label or sweep.

    A group with subnormal exact results counts as one that has none.

    The polynomial in t is made one in s, t = middle + half s with |middle| + half <= 1 and half a power of two. Each
    term of a new coefficient passes through at most 2 DEGREE roundings, and in the product through DEGREE + 1 more;
    powers of s are exact. With S as in oracle.py that is (3 DEGREE + 1) u S, where the bound has 2 DEGREE u S for it.
    """
    starts = np.arange(groups) * GROUP
    pieces = np.searchsorted(table.first, starts, side="right") - 1
    whole = (table.first[pieces + 1] >= starts + GROUP) & ~table.subnormal[pieces]
    step, offset, inverse, bound = table.rows[:, :4].T
    half = GROUP // 2 * step[pieces]
    middle = (starts - offset[pieces]) * step[pieces] - 1.0 + half
    polynomials = table.rows[:, 4:].T[:, pieces]
    degree = int(np.flatnonzero(table.rows[:, 4:].any(axis=0)).max(initial=0))  # mostly 0 or 1
    for lowest in range(degree):
        for power in range(degree - 1, lowest - 1, -1):
            polynomials[power] += middle * polynomials[power + 1]
        polynomials[lowest + 1 : degree + 1] *= half
    bound = bound + _REARRANGED * np.abs(table.rows[:, 4:]).sum(axis=1)
    farthest = np.array([within.py_func(row, limit) for row in table.rows])
    fine = (farthest - bound) * (1.0 - ROUNDED)
    edges = np.column_stack((*thresholds.py_func(bound), fine)).astype(np.float32)
    there = (np.ascontiguousarray(polynomials.T), (inverse * sign)[pieces, None], edges[pieces])
    placed = [adapter.place(each, device) for each in there]
    return Groups(placed[0], placed[1], placed[2], whole)


def _runs(indices: Sequence[int] | Integers) -> Iterator[tuple[int, int]]:
    """Where runs of consecutive numbers begin and end in a sorted array."""
    breaks = np.flatnonzero(np.diff(indices) != 1) + 1
    yield from zip([0, *map(int, breaks)], [*map(int, breaks), len(indices)], strict=True)

"""What counts the results of one quantity of one block: the kernels, ball arithmetic, and a tally in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.adapter import Array
from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Integers
from conformance.spec.bounds import GRADIENT_SHOULD, LOSS_SHOULD
from conformance.sweep import ball, kernel, oracle, pairs
from conformance.sweep.classes import NAN_LOST, SIZE, half
from conformance.sweep.grid import CURVE_BINS, Block, number
from conformance.sweep.tally import Region, Tally, Witness, has_distance

LIMITS = {"loss": LOSS_SHOULD.ulps, "gradient": GRADIENT_SHOULD.ulps}


class Counter:
    """Counts one quantity of one block."""

    def __init__(self, block: Block, quantity: str, dtype: Dtype, undecided: Integers) -> None:
        """``undecided``: room for as many indices as results are counted at once."""
        self.block, self.quantity, self.dtype, self.undecided = block, quantity, dtype, undecided
        self.limit, self.half = LIMITS[quantity], half(self.dtype)
        self.state, self.extremes, self.seen = kernel.blank(SIZE)
        self.balls = 0
        self.bins = np.zeros(CURVE_BINS)
        self.measure = self._kernel()

    def count(self, results: Array, start: int, label: int) -> None:
        """Count the results (n) for the logits from offset ``start`` in the block on, and its ``label``-th label."""
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
        if block.special(dtype):
            return self._special
        table32, sign = self.exact()

        def thirty_two(results: Array, start: int, label: int) -> int:  # noqa: ARG001 - one label a block
            left = int(kernel.measure(results, start, table32.first, table32.rows, table32.subnormal, sign, *counters))
            self.undecided[:left] -= start
            return left

        return thirty_two

    def exact(self) -> tuple[oracle.Table, float]:
        """The exact results of a block of finite float32, and their sign."""
        block = self.block
        positive_label = block.label != 0
        rising = block.negative(self.dtype) == positive_label
        sign = -1.0 if positive_label and self.quantity == "gradient" else 1.0
        return oracle.table(block.magnitude(self.dtype), block.count, self.quantity, rising), sign

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

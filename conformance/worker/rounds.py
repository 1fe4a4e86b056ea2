"""Rounds of calls, each call over operands of its own, for a clock that is elsewhere.

What a call gets has never been seen in its round: there is nothing to remember, and nothing to prepare.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Mapping
from typing import Any, Optional

import numpy as np

from conformance.adapter import Adapter, NotOffered, Program
from conformance.worker import memory

Arrays = Mapping[str, Any]


class Rounds:
    """A program with many sets of operands. ``reels`` are flat arrays, longer than a set; ``fixed`` is the same in all.

    Set ``i`` holds ``shape`` elements of each reel from ``offset + i`` on.
    """

    def __init__(
        self, adapter: Adapter, program: Program, device: str, reels: Arrays, shape: tuple[int, ...], fixed: Arrays
    ) -> None:
        self._adapter, self._program, self._device = adapter, program, device
        self._reels, self._shape, self._elements = reels, shape, int(np.prod(shape))
        # Bound before a candidate's first call.
        self._fetch, self._plain, self._wait = adapter.fetch, adapter.is_plain, adapter.wait
        self._fixed = {name: adapter.place(array, device) for name, array in fixed.items()}
        self._sets: list[dict[str, Any]] = []
        self._last: Any = None
        self.move = Movement(adapter, device).move

    def fill(self, offset: int, count: int) -> None:
        """From now on there are ``count`` sets, beginning at this offset. Tensors that can change keep their places."""
        del self._sets[count:]
        for index in range(count):
            windows = {name: self._window(name, offset + index) for name in self._reels}
            if index < len(self._sets) and self._refilled(self._sets[index], windows):
                continue
            placed = {name: self._adapter.place(array, self._device) for name, array in windows.items()}
            self._sets[index : index + 1] = [{**placed, **self._fixed}]

    def run(self, calls: int) -> float:
        """Call so often, set after set, each result waited for; returns the processor seconds of this process."""
        program, wait, sets, result = self._program, self._wait, self._sets, None
        on, before = gc.isenabled(), time.process_time()
        gc.disable()
        try:
            for each in itertools.islice(itertools.cycle(sets), calls):
                result = program(each)
                for part in parts_of(result):
                    wait(part)
        finally:
            if on:
                gc.enable()
        self._last = result
        return time.process_time() - before

    def once(self) -> None:
        """One call over the first set."""
        for part in parts_of(self._program(self._sets[0])):
            self._wait(part)

    def results(self) -> list[Any]:
        """What the last call of the last round returned, as arrays. Raises TypeError for what is no plain tensor."""
        for each in parts_of(self._last):
            require_plain(self._plain(each), each)
        return [np.asarray(self._fetch(each)) for each in parts_of(self._last)]

    def operands(self, index: int) -> dict[str, Any]:
        """What a set holds now."""
        return {name: np.asarray(self._fetch(self._sets[index][name])) for name in self._reels}

    def devices(self) -> list[str]:
        """Where the last results are."""
        return [self._adapter.device_of(each) for each in parts_of(self._last)]

    def peak(self) -> Optional[int]:  # noqa: UP045 - Python 3.9
        """Bytes that a call needs at most; None where it cannot be known."""
        if self._device != "cpu":
            return self._adapter.peak_memory(self.once)
        return None if self._adapter.keeps_memory else memory.peak_above(self.once)

    def _window(self, name: str, start: int) -> Any:
        return self._reels[name][start : start + self._elements].reshape(self._shape)

    def _refilled(self, tensors: Mapping[str, Any], arrays: Arrays) -> bool:
        try:
            for name, array in arrays.items():
                self._adapter.refill(tensors[name], array)
        except NotOffered:
            return False
        return True


def parts_of(result: Any) -> tuple[Any, ...]:
    """Loss and gradient, or the loss alone."""
    return result if isinstance(result, tuple) else (result,)


def require_plain(plain: bool, tensor: Any) -> None:
    """Raise TypeError, with the tensor's class, unless the framework's adapter said that it is plain."""
    if not plain:
        raise TypeError(
            f"it is a {type(tensor).__module__}.{type(tensor).__name__}, and none of the framework's tensors"
        )


class Movement:
    """What a device can move, by the framework's own arrays: its negation, and its sum."""

    def __init__(self, adapter: Adapter, device: str) -> None:
        self._adapter, self._device = adapter, device
        self._size = 0
        self._pair: tuple[Any, ...] = ()

    def move(self, kind: str, size: int, calls: int) -> None:
        """A ``copy`` (the negation) of an array of so many bytes, or an ``add`` (the sum) of two, so often."""
        if self._size != size:
            ones = np.ones(size // 4, np.float32)
            self._size, self._pair = size, tuple(self._adapter.place(ones, self._device) for _ in range(2))
        one, other = self._pair
        for _ in range(calls):
            self._adapter.wait(-one if kind == "copy" else one + other)

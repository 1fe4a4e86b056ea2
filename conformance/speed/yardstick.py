"""What the machine can move at this moment: a copy, and a kernel that reads two arrays and writes one.

On the CPU they are compiled here and use the threads that the frameworks have; on another device they are the
framework's own negation and sum of the subject's tensors.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import numba
import numpy as np

from conformance.remote.rounds import RemoteRounds
from conformance.worker.rounds import Movement, Rounds

TRAFFIC = {"copy": 2, "add": 3}  # arrays read and written
ALONE = 1 << 17  # bytes below which a second thread costs more than it brings
_ROUND = 0.002  # seconds


@numba.njit(parallel=True, cache=True)
def _copy(one, _, out):  # type: ignore[no-untyped-def]
    for index in numba.prange(one.size):
        out[index] = one[index]


@numba.njit(parallel=True, cache=True)
def _add(one, other, out):  # type: ignore[no-untyped-def]
    for index in numba.prange(one.size):
        out[index] = one[index] + other[index]


class Yardstick:
    """Both kernels on arrays of ``size`` bytes, each called so often; ``measure`` gives bytes a second."""

    def __init__(self, kernels: dict[str, Callable[[int], object]], size: int) -> None:
        self.kernels, self.size = kernels, size
        self.calls = {name: self._calibrated(kernel) for name, kernel in kernels.items()}

    def measure(self) -> dict[str, float]:
        """One round of each."""
        return {name: self._rate(name) for name in self.kernels}

    def _rate(self, name: str) -> float:
        kernel, calls = self.kernels[name], self.calls[name]
        start = time.perf_counter()
        kernel(calls)
        return TRAFFIC[name] * self.size * calls / (time.perf_counter() - start)

    @staticmethod
    def _calibrated(kernel: Callable[[int], object]) -> int:
        kernel(1)  # the first call compiles
        start = time.perf_counter()
        kernel(1)
        return max(1, min(1000, int(_ROUND / (time.perf_counter() - start))))


@functools.lru_cache(maxsize=1)
def of_cpu(size: int) -> Yardstick:
    """On the processor. ``size``: bytes of an array, of a multiple of 4."""
    one, other, out = (np.ones(size // 4, np.float32) for _ in range(3))
    if size < ALONE:
        return Yardstick(
            {"copy": _repeated(lambda: np.copyto(out, one)), "add": _repeated(lambda: np.add(one, other, out))}, size
        )
    return Yardstick(
        {"copy": _repeated(lambda: _copy(one, other, out)), "add": _repeated(lambda: _add(one, other, out))}, size
    )


def _repeated(call: Callable[[], object]) -> Callable[[int], object]:
    def repeat(calls: int) -> None:
        for _ in range(calls):
            call()

    return repeat


def of_device(mover: Movement | Rounds | RemoteRounds, size: int) -> Yardstick:
    """On the subject's own device, by its framework: its negation, and its sum."""
    return Yardstick({name: functools.partial(mover.move, name, size) for name in TRAFFIC}, size)

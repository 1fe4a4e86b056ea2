"""What the machine can move at this moment: a copy, and a kernel that reads two arrays and writes one.

On the CPU they are compiled here and use the threads that the frameworks have; on another device they are the
framework's own negation and sum of the subject's tensors.
"""

from __future__ import annotations

import functools
import operator
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from conformance.adapter import Adapter, Array, Tensor

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
    """Both kernels on arrays of ``size`` bytes; ``measure`` gives bytes a second."""

    def __init__(self, kernels: dict[str, Callable[[], object]], size: int) -> None:
        self.kernels, self.size = kernels, size
        self.calls = {name: self._calibrated(kernel) for name, kernel in kernels.items()}

    def measure(self) -> dict[str, float]:
        """One round of each."""
        return {name: self._rate(name) for name in self.kernels}

    def _rate(self, name: str) -> float:
        kernel, calls = self.kernels[name], self.calls[name]
        start = time.perf_counter()
        for _ in range(calls):
            kernel()
        return TRAFFIC[name] * self.size * calls / (time.perf_counter() - start)

    @staticmethod
    def _calibrated(kernel: Callable[[], object]) -> int:
        kernel()  # the first call compiles
        start = time.perf_counter()
        kernel()
        return max(1, min(1000, int(_ROUND / (time.perf_counter() - start))))


@functools.lru_cache(maxsize=1)
def of_cpu(size: int) -> Yardstick:
    """On the processor. ``size``: bytes of an array, of a multiple of 4."""
    one, other, out = (np.ones(size // 4, np.float32) for _ in range(3))
    if size < ALONE:
        kernels: dict[str, Callable[[], object]] = {
            "copy": lambda: np.copyto(out, one),
            "add": lambda: np.add(one, other, out),
        }
    else:
        kernels = {"copy": lambda: _copy(one, other, out), "add": lambda: _add(one, other, out)}
    return Yardstick(kernels, size)


def of_device(adapter: Adapter, array: Array, device: str) -> Yardstick:
    """On the subject's own device, by its framework."""
    one, other = adapter.place(array, device), adapter.place(array, device)

    def waited(call: Callable[..., Tensor], *operands: Tensor) -> Callable[[], Any]:
        return lambda: adapter.wait(call(*operands))

    kernels = {"copy": waited(operator.neg, one), "add": waited(operator.add, one, other)}
    return Yardstick(kernels, array.nbytes)

"""What is timed: a pass, a reduction, a shape and a number of elements, and the fewest bytes that it must move."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from conformance.adapter import Array
from conformance.arithmetic.dtype import Dtype
from conformance.errors import UsageError
from conformance.subjects.subject import Call

PASSES = ("forward", "backward")
REDUCTIONS = ("none", "mean")
SHAPES = ("multilabel", "pixels")
POWERS = (10, 14, 18, 22, 26)
LARGER = (28,)  # on a GPU
CLASSES = 64
SIDE = 256
# Reads and writes of N elements that no implementation can do without: logits and labels, and what is returned.
# Backward is forward and backward together; unreduced, it also reads a cotangent and returns the loss.
_FEWEST = {
    ("forward", "none"): 3,
    ("forward", "mean"): 2,
    ("backward", "none"): 5,
    ("backward", "mean"): 3,
}


@dataclass(frozen=True)
class Workload:
    """One thing to time. ``power``: of two, the number of elements."""

    step: str
    reduction: str
    shape: str
    power: int

    @property
    def name(self) -> str:
        """As it stands in records and on the command line."""
        return f"{self.step}-{self.reduction}-{self.shape}-2^{self.power}"

    @property
    def elements(self) -> int:
        """How many logits."""
        return 1 << self.power

    @property
    def quantity(self) -> str:
        """What the program computes."""
        return "loss" if self.step == "forward" else "both"

    @property
    def dimensions(self) -> tuple[int, ...]:
        """[N, C] for multi-label, [N, H, W] for pixels."""
        if self.shape == "multilabel":
            return self.elements // CLASSES, CLASSES
        side = min(SIDE, 1 << self.power // 2)
        return self.elements // side**2, side, side

    def fewest_bytes(self, dtype: Dtype) -> int:
        """What must at least be moved between memory and processor."""
        return _FEWEST[self.step, self.reduction] * self.elements * (dtype.bits // 8)

    def call(self, dtype: Dtype) -> Call:
        """The same inputs for every subject of a dtype."""
        logits, labels = inputs(self.elements, dtype)
        operands = {"logits": logits.reshape(self.dimensions), "labels": labels.reshape(self.dimensions)}
        if self.step == "backward":
            shape = self.dimensions if self.reduction == "none" else ()
            operands["cotangent"] = np.ones(shape, dtype.numpy)
        return Call(operands, self.reduction)


@functools.lru_cache(maxsize=1)
def inputs(elements: int, dtype: Dtype) -> tuple[Array, Array]:
    """Logits as of a network half trained (normal, of deviation 3), and hard labels, which every loss takes."""
    generator = np.random.default_rng(elements)
    logits = 3 * generator.standard_normal(elements, np.float32)
    return logits.astype(dtype.numpy), generator.integers(0, 2, elements, np.uint8).astype(dtype.numpy)


def workloads(globs: Sequence[str], device: str = "cpu") -> list[Workload]:
    """Those whose names match one of the globs, all if there are none. Raises UsageError if none matches."""
    every = list(_every(device))
    chosen = [each for each in every if not globs or any(fnmatch.fnmatchcase(each.name, glob) for glob in globs)]
    if not chosen:
        raise UsageError(f"no workload matches {' '.join(globs)}; such are {every[0].name} and {every[-1].name}")
    return chosen


def workload_named(name: str) -> Workload:
    """The workload of that name, of any number of elements from 2^10 on. Raises UsageError."""
    step, reduction, shape, size, *more = [*name.split("-"), "", "", "", ""]
    known = step in PASSES and reduction in REDUCTIONS and shape in SHAPES and not any(more)
    power = int(size[2:]) if size.startswith("2^") and size[2:].isdecimal() else 0
    if not known or not 10 <= power <= 30:
        raise UsageError(f"unknown workload '{name}'; such are forward-none-multilabel-2^20, backward-mean-pixels-2^24")
    return Workload(step, reduction, shape, power)


def _every(device: str) -> Iterator[Workload]:
    # Sizes outermost, so that neighbours share their inputs.
    for power in POWERS + (LARGER if device == "gpu" else ()):
        for shape in SHAPES:
            for reduction in REDUCTIONS:
                for step in PASSES:
                    yield Workload(step, reduction, shape, power)

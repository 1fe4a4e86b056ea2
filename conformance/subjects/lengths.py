"""Lengths of vectors: those around the powers of two, and the one that elementwise vectors share.

A mode that compiles for each shape compiles a quantity once for all vectors of the shared length, which is one of
those that clause L5 takes anyway.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from conformance.adapter import Array
from conformance.subjects.subject import Call, Runner

LONGEST = 17  # as a power of two
SHARED = 2**11 + 1


def around_powers(runner: Runner) -> list[int]:
    """Just below, at and just above each power of two, the longest first.

    One of the three for each power, in turn, in a mode that compiles for each shape.
    """
    lengths: dict[int, None] = {}
    for power in range(LONGEST, 0, -1):
        around = (2**power + 1, 2**power - 1, 2**power)
        lengths |= dict.fromkeys(around[(LONGEST - power) % 3 :][:1] if _compiles_each(runner) else around)
    return list(lengths)


def stretched(call: Call, runner: Runner) -> Call:
    """The call with its elements repeated up to the shared length, in a mode that compiles for each shape."""
    if not _compiles_each(runner) or len(call.operands[runner.takes]) >= SHARED:
        return call
    return dataclasses.replace(call, operands={name: np.resize(each, SHARED) for name, each in call.operands.items()})


def cut(result: Array, count: int) -> Array:
    """The first so many elements of a stretched call's result; another number of them is left for others to see."""
    return result.reshape(-1)[:count] if result.size == SHARED else result


def _compiles_each(runner: Runner) -> bool:
    return runner.subject.mode in runner.adapter.compiles_each_shape

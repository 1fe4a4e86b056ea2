"""Ambient switches: what the same calls return where one is set, against what they return where none is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from conformance import operator
from conformance.adapter import Array, Switch
from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Floats
from conformance.arithmetic.ulp import unit
from conformance.judging import reading
from conformance.judging.reading import ELEMENTS, Reading
from conformance.spec.bounds import FLUSHED_BELOW, mean_agreement
from conformance.spec.clauses import bound
from conformance.subjects.subject import Runner, bits

SAME = "same bits"
Mask = npt.NDArray[np.bool_]


@dataclass(eq=False)
class Readings:
    """What each subject of a session returns under each switch: one process a switch, whoever asks first."""

    folders: Mapping[str, Path]
    runners: Sequence[Runner]
    _found: dict[tuple[str, str, str], Mapping[str, Reading] | None] = field(default_factory=dict)

    def of(self, runner: Runner, switch: str, dtypes: Collection[str]) -> Reading:
        """What the runner's calls return under the switch ('': none).

        Subjects that are run alike share a process; where it dies each of them has one of its own. Raises RuntimeError.
        """
        subject, folder = runner.subject, self.folders[runner.subject.adapter]
        key = (subject.adapter, subject.device, switch)
        if key not in self._found:
            alike = [each for each in self.runners if _alike(each, runner) and each.subject.dtype in dtypes]
            try:
                self._found[key] = reading.read(folder, alike, switch)
            except RuntimeError:
                self._found[key] = None
        found = self._found[key]
        return (found if found is not None else reading.read(folder, [runner], switch))[subject.id]


def _alike(one: Runner, other: Runner) -> bool:
    left, right = one.subject, other.subject
    return (left.adapter, left.device, left.mode) == (right.adapter, right.device, right.mode)


def effect(plain: Reading, other: Reading, switch: Switch, dtype: Dtype) -> tuple[str, str]:
    """What the switch did to the calls, in a word, and what it changed without a word ('': nothing).

    An error is no silent change, and is told.
    """
    word = SAME
    for call, before in plain.items():
        after = other[call]
        if isinstance(before, str) or isinstance(after, str):
            word = f"raises {after}"[:120] if isinstance(after, str) and not isinstance(before, str) else word
            continue
        if (before.dtype, before.shape) != (after.dtype, after.shape):
            return "another result", f"the {call} is {after.dtype} {after.shape}, not {before.dtype} {before.shape}"
        # A NaN is a NaN, whatever its sign and payload.
        unequal = (bits(before) != bits(after)) & ~(np.isnan(_wide(before)) & np.isnan(_wide(after)))
        if not unequal.any():
            continue
        bad = unequal & ~_allowed(call, _wide(before), _wide(after), switch.may, dtype)
        if bad.any():
            return "another result", _told(call, _wide(before), _wide(after), bad)
        word = switch.may
    return word, ""


def _allowed(call: str, before: Floats, after: Floats, may: str, dtype: Dtype) -> Mask:
    """Which changes the documentation announces."""
    if may == "subnormals":
        return np.asarray((np.abs(before) < FLUSHED_BELOW * dtype.smallest_normal) & (after == 0))
    if may == "rounding":
        ulps = mean_agreement(ELEMENTS, dtype.precision).ulps if call == "loss, mean" else bound("L9").ulps
        return np.asarray(_apart(before, after, _scale(call, dtype), dtype) <= ulps)
    return np.zeros(before.shape, np.bool_)


def _scale(call: str, dtype: Dtype) -> Floats:
    quantity, _, reduction = call.partition(", ")
    x, z = reading.elements(dtype)
    ones = np.ones_like(x)
    largest = operator.largest_term(quantity, x, z, ones, ones, ones)
    if reduction == "none":
        return largest
    return np.asarray(largest.mean()).reshape(-1) if quantity == "loss" else largest / ELEMENTS


def _apart(before: Floats, after: Floats, scale: Floats, dtype: Dtype) -> Floats:
    """The distance in ULP of the larger of scale and result; NaN on one side is infinitely far."""
    _, exponent = np.frexp(np.maximum(scale, np.abs(np.nan_to_num(before))))
    steps = unit(exponent.astype(np.int64) - 1, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.nan_to_num(np.abs(np.ldexp(before - after, -steps.astype(np.int32))), nan=np.inf)


def _wide(values: Array) -> Floats:
    return np.asarray(values).astype(np.float64).reshape(-1)


def _told(call: str, before: Floats, after: Floats, bad: Mask) -> str:
    index = int(np.flatnonzero(bad)[0])
    return f"the {call} has {int(bad.sum())} other results, such as {after[index]:.9g} for {before[index]:.9g}"

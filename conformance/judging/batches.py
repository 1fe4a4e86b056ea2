"""Shared tensors: elementwise cases of one dtype laid end to end, so that a compiled mode compiles once for all."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from conformance.adapter import Array, NotOffered
from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Exact
from conformance.arithmetic.ulp import Errors, measure
from conformance.golden.case import Case
from conformance.judging.exercise import Exercise, columns, scale
from conformance.remote.link import WorkerDied
from conformance.subjects import lengths
from conformance.subjects.subject import Call, Runner, native


class Shared(NamedTuple):
    """A shared tensor of one subject, for one quantity."""

    subject: str
    finite: bool
    quantity: str


@dataclass(eq=False)
class Batches:
    """The shared tensors: for each runner, its elementwise cases laid end to end.

    ``fatal`` are those that have killed a process: their cases are run one by one.
    """

    cases: Sequence[Case]
    fatal: set[Shared] = field(default_factory=set)
    _results: dict[tuple[Runner, bool, str], Array | None] = field(default_factory=dict)
    _errors: dict[tuple[Runner, bool, str, str], Errors] = field(default_factory=dict)

    def errors(self, exercise: Exercise, quantity: str, golden: str) -> Errors:
        """The errors of the exercise's own slice.

        Where the framework refuses the whole (a NaN label, say), each case is run by itself: one case's refusal
        must not be charged to the others. Raises what the framework raises for this case alone.
        """
        runner, case = exercise.runner, exercise.case
        result = self.result(exercise, quantity)
        if result is None:
            return exercise.compare(exercise.run(exercise.call(), quantity), golden)
        members = self.members(runner, case.finite)
        key = (runner, case.finite, quantity, golden)
        if key not in self._errors:
            got = result.astype(np.float64).reshape(-1)
            exact = _joined_exact(members, golden, runner.dtype)
            scales = np.concatenate([scale(each, golden, runner.dtype) for each in members])
            self._errors[key] = measure(got, exact, scales, runner.dtype)
        return self._errors[key][_slices(members)[case]]

    def result(self, exercise: Exercise, quantity: str) -> Array | None:
        """The quantity for the whole batch; None if the framework refuses it, or died of it. Raises NotOffered."""
        runner, finite = exercise.runner, exercise.case.finite
        key = (runner, finite, quantity)
        if key not in self._results:
            shared = Shared(runner.subject.id, finite, quantity)
            self._results[key] = None if shared in self.fatal else self._whole(exercise, shared)
        return self._results[key]

    def _whole(self, exercise: Exercise, shared: Shared) -> Array | None:
        call = self._call(exercise.runner, shared.finite)
        try:
            result = exercise.run(lengths.stretched(call, exercise.runner), shared.quantity)
            return lengths.cut(result, len(call.operands[exercise.runner.takes]))
        except NotOffered:
            raise
        except WorkerDied as death:
            death.over = shared
            raise
        except Exception:
            return None

    def members(self, runner: Runner, finite: bool) -> tuple[Case, ...]:
        """The cases in the runner's batch; finite and non-finite ones never share a tensor."""
        hard = runner.implementation.labels == "hard"
        return _members(tuple(self.cases), runner.takes, runner.subject.dtype, hard, finite)

    def _call(self, runner: Runner, finite: bool) -> Call:
        laid = [columns(case, runner.dtype) for case in self.members(runner, finite)]
        return Call(
            {
                name: native(np.concatenate([each[position] for each in laid]), runner.dtype)
                for position, name in enumerate((runner.takes, "labels"))
            }
        )


@functools.cache
def _members(cases: tuple[Case, ...], takes: str, dtype: str, hard: bool, finite: bool) -> tuple[Case, ...]:
    return tuple(
        case
        for case in cases
        if case.elementwise
        and case.bare
        and case.argument == takes
        and dtype in case.dtypes
        and case.finite == finite
        and (case.hard_labels or not hard)
    )


@functools.cache
def _slices(members: tuple[Case, ...]) -> dict[Case, slice]:
    slices, start = {}, 0
    for case in members:
        stop = start + case.texts[case.argument].size
        slices[case] = slice(start, stop)
        start = stop
    return slices


@functools.cache
def _joined_exact(members: tuple[Case, ...], quantity: str, dtype: Dtype) -> Exact:
    parts = [case.exact(quantity, dtype) for case in members]
    return Exact(
        np.concatenate([part.hi for part in parts]),
        np.concatenate([part.lo for part in parts]),
        np.concatenate([part.exponent for part in parts]),
    )

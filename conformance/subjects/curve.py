"""Error curves: what one subject returns on the whole grid, from one program call."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from conformance.adapter import Array, NotOffered
from conformance.golden.grid import HARD, LABELS, REAL, grid, packed
from conformance.subjects import lengths
from conformance.subjects.subject import Call, Runner, native

Record = dict[str, Any]


class Draughtsman(Protocol):
    """Who draws: conformance.running.judge."""

    def draw(self, runner: Runner) -> list[Record]:
        """The curves of one subject."""


@dataclass(eq=False)
class Curve:
    """One pytest item: loss and gradient of one subject over the grid. It records, and judges nothing."""

    runner: Runner
    records: list[Record] = field(default_factory=list)

    def draw(self, draughtsman: Draughtsman) -> None:
        """Record each quantity, or why there is none."""
        self.records += draughtsman.draw(self.runner)


def drawn(runner: Runner) -> list[Record]:
    """Run the grid once."""
    labels = _labels(runner)
    try:
        with warnings.catch_warnings(action="ignore"):
            results = _results(runner, labels)
    except Exception as error:
        return refused(runner, f"{type(error).__name__}: {error}")
    for quantity, values in results.items():
        if values.dtype.name not in REAL:
            return refused(runner, f"the {quantity} is of dtype {values.dtype.name}")
    return [
        _record(runner, quantity, {"result_dtype": values.dtype.name, "values": packed(values.reshape(-1))})
        for quantity, values in results.items()
    ]


def refused(runner: Runner, reason: str) -> list[Record]:
    """The record of a subject that gave no curve."""
    return [_record(runner, "loss", {"refused": " ".join(reason.split())[:200]})]


def _results(runner: Runner, labels: int) -> dict[str, Array]:
    dtype = runner.dtype
    logits, targets = (native(values, dtype) for values in grid(dtype).elements(labels))
    operands = {"logits": logits, "labels": targets, "cotangent": native(np.ones(len(logits)), dtype)}
    call = lengths.stretched(Call(operands), runner)
    try:
        results = dict(zip(("loss", "gradient"), runner.run_both(call), strict=True))
    except NotOffered:
        results = {"loss": runner.run(lengths.stretched(Call({"logits": logits, "labels": targets}), runner))}
    return {name: lengths.cut(got, len(logits)) for name, got in results.items()}


def _labels(runner: Runner) -> int:
    return HARD if runner.implementation.labels == "hard" else len(LABELS)


def _record(runner: Runner, quantity: str, more: Record) -> Record:
    subject = dataclasses.asdict(runner.subject)
    return {"record": "curve", "subject": subject, "quantity": quantity, "labels": _labels(runner), **more}

"""What a row is for a subject: operands with dtype, shape and layout each, what is asked, what comes before."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from conformance.adapter import Array
from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import Floats
from conformance.configurations.factors import SHAPES, SMOOTHING, Row, dtype_of
from conformance.configurations.inputs import Pool, pool
from conformance.subjects.subject import Runner, native

_GAP = 3  # one in so many is zero
DIFFERENTIABLE = ("logits", "labels", "weight", "pos_weight")


@dataclass(frozen=True, eq=False)
class Operand:
    """An array in the dtype in which it is passed, and how it lies in memory."""

    array: Array
    layout: str = "contiguous"

    @property
    def values(self) -> Floats:
        """Its exact values."""
        return self.array.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Plan:
    """A row, made concrete. ``along`` are the operands that are differentiated, together."""

    row: Row
    dtype: str
    operands: Mapping[str, Operand]
    cotangent: Operand
    direction: Operand
    along: tuple[str, ...]
    reduction: str = "none"
    divisor: str = ""  # what a mean divides by, as in adapter.Reduction
    label_smoothing: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the logits."""
        return self.operands["logits"].array.shape

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of the loss."""
        return self.shape if self.reduction == "none" else ()

    def tangents(self) -> dict[str, Operand]:
        """What forward mode is given for each operand of ``along``: numbers that differ, laid out as the operand is."""
        return {f"tangent_{name}": _tangent(self.operands[name], index) for index, name in enumerate(self.along)}


@dataclass(frozen=True)
class Offer:
    """What a subject makes of a row: subjects for which it is the same share their plans."""

    dtype: str
    hard_labels: bool
    same_rank_weights: bool
    able: tuple[str, ...]
    divisor: str


def plan(row: Row, origin: Row, runner: Runner, seed: int, able: tuple[str, ...]) -> Plan:
    """The plan of a row, with the numbers of the row ``origin`` that it came from.

    ``able`` are the operands along which the subject can be differentiated.
    """
    alone = origin["weight"] == origin["pos_weight"] == origin["reduction"] == "none"
    implementation = runner.implementation
    offer = Offer(
        runner.subject.dtype, implementation.labels == "hard", implementation.same_rank_weights, able,
        implementation.reductions[row["reduction"]].divisor,
    )  # fmt: skip
    return _plan(tuple(row.items()), repr(sorted(origin.items())), alone, seed, offer)


@functools.lru_cache(4096)
def _plan(items: tuple[tuple[str, str], ...], key: str, alone: bool, seed: int, offer: Offer) -> Plan:
    row, dtype = dict(items), offer.dtype
    whole = row["labels dtype"] in ("int32", "bool")
    numbers = pool(row["inputs"], key, seed, dtype, offer.hard_labels or whole, alone)
    shape = SHAPES[row["shape"]]
    operands = {
        "logits": _operand(numbers.logits, shape, dtype, row["logits layout"]),
        "labels": _operand(numbers.labels, shape, dtype_of(row["labels dtype"], dtype), row["labels layout"]),
    }
    for name in ("weight", "pos_weight"):
        if row[name] != "none":
            values = getattr(numbers, name)
            values = _with_gaps(values) if row[name] == "gaps" else values
            form = _weight_shape(row[name], shape, offer.same_rank_weights)
            operands[name] = _operand(values, form, dtype_of(row[f"{name} dtype"], dtype), row[f"{name} layout"])
    return Plan(
        row, dtype, operands,
        cotangent=_cotangent(row, numbers, dtype, shape),
        direction=_operand(numbers.direction, shape, dtype),
        along=tuple(name for name in _asked(row["asked"]) if name in operands and name in offer.able and not (
            name == "labels" and whole)),
        reduction=row["reduction"],
        divisor=offer.divisor,
        label_smoothing=SMOOTHING if row["smoothing"] == "some" else None,
    )  # fmt: skip


def _weight_shape(kind: str, shape: tuple[int, ...], same_rank: bool) -> tuple[int, ...]:
    """The shape of a weight of a kind beside logits of a shape; of their rank, if ``same_rank``."""
    if kind == "classes":
        return (1,) * (len(shape) - 1) + shape[-1:] if same_rank else shape[-1:]
    if kind == "examples":
        return shape[:1] + (1,) * (len(shape) - 1)
    return () if kind == "scalar" else shape


def _asked(asked: str) -> tuple[str, ...]:
    named = {"logits": ("logits",), "all": DIFFERENTIABLE, "labels": ("labels",), "weights": ("weight", "pos_weight")}
    return named.get(asked, ())


def _cotangent(row: Row, numbers: Pool, dtype: str, shape: tuple[int, ...]) -> Operand:
    values = {"ones": np.ones_like(numbers.cotangent), "varied": numbers.cotangent,
              "gaps": _with_gaps(numbers.cotangent)}[row["cotangent"]]  # fmt: skip
    if row["reduction"] != "none":
        return _operand(values[1:], (), dtype)
    # Ones are ones however they lie: what is not contiguous varies.
    if row["cotangent layout"] != "contiguous" and row["cotangent"] == "ones":
        values = numbers.cotangent
    return _operand(values, shape, dtype, row["cotangent layout"])


def _with_gaps(values: Floats) -> Floats:
    return np.where(np.arange(len(values)) % _GAP == 0, 0.0, values)


def _operand(values: Floats, shape: tuple[int, ...], dtype: str, layout: str = "contiguous") -> Operand:
    array = np.resize(values, shape) if 0 not in shape else np.zeros(shape)
    if layout == "expanded":
        array = np.broadcast_to(array[:1], shape).copy()
    if layout == "broadcast":
        array = np.full(shape, array.flat[1])
    return Operand(cast(array, dtype), layout)


def cast(values: Floats, dtype: str) -> Array:
    """The values in a dtype by name, bfloat16 and whole ones too."""
    return native(values, DTYPES[dtype]) if dtype in DTYPES else values.astype(dtype)


def _tangent(operand: Operand, index: int) -> Operand:
    """Numbers of either sign that no two operands have in common."""
    array = operand.array
    steps = (np.arange(array.size) * (index + 2)) % 5 - 2.25
    values = steps.astype(array.dtype).reshape(array.shape)
    values = np.broadcast_to(values[:1], array.shape).copy() if operand.layout == "expanded" else values
    return Operand(values, operand.layout)

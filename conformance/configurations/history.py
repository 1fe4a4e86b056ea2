"""The calls that come before: what a function keeps of one call may be wrong for the next."""

from __future__ import annotations

import dataclasses

import numpy as np

from conformance.adapter import Array
from conformance.configurations.factors import OTHER_DTYPES, SMOOTHING
from conformance.configurations.plan import Operand, Plan, cast


def another(made: Plan, history: str) -> Plan | None:
    """The call that comes before, for a history that has one; None if there is no such call."""
    makers = {
        "dtype": _of_another_dtype,
        "labels": _with_other_labels,
        "layout": _laid_out_otherwise,
        "rank": _of_another_rank,
        "options": _with_other_options,
    }
    return makers[history](made)


def _of_another_dtype(made: Plan) -> Plan:
    other = OTHER_DTYPES[made.dtype][0]
    moved = {name: _as(each, other) for name, each in made.operands.items()}
    return dataclasses.replace(made, operands=moved, cotangent=_as(made.cotangent, other))


def _with_other_labels(made: Plan) -> Plan:
    labels = made.operands["labels"]
    floating = labels.array.dtype.name not in ("int32", "bool")
    changed = Operand(np.round(labels.values).astype("int32") if floating else _as(labels, made.dtype).array)
    along = tuple(name for name in made.along if name != "labels") or ("logits",)
    return dataclasses.replace(made, operands={**made.operands, "labels": changed}, along=along)


def _with_other_options(made: Plan) -> Plan:
    """Without its weights; smoothed where it is not, and the other way round."""
    plain = {name: each for name, each in made.operands.items() if name not in ("weight", "pos_weight")}
    along = tuple(name for name in made.along if name in plain) or ("logits",)
    smoothing = None if made.label_smoothing else SMOOTHING
    return dataclasses.replace(made, operands=plain, along=along, label_smoothing=smoothing)


def _laid_out_otherwise(made: Plan) -> Plan | None:
    if len(made.shape) < 2:
        return None
    turned = "contiguous" if made.operands["logits"].layout == "transposed" else "transposed"
    moved = {name: dataclasses.replace(made.operands[name], layout=turned) for name in ("logits", "labels")}
    return dataclasses.replace(made, operands={**made.operands, **moved})


def _of_another_rank(made: Plan) -> Plan | None:
    """The same numbers, shape and all but for an axis of one at the end: [4, 1], then [4, 1, 1]."""
    if not made.shape or any(each.array.ndim and each.array.shape != made.shape for each in made.operands.values()):
        return None
    raised = {name: _raised(each) if each.array.ndim else each for name, each in made.operands.items()}
    cotangent = _raised(made.cotangent) if made.cotangent.array.ndim else made.cotangent
    return dataclasses.replace(made, operands=raised, cotangent=cotangent)


def _raised(operand: Operand) -> Operand:
    return Operand(operand.array[..., None])


def renewed(made: Plan) -> Plan:
    """The same call with other numbers: those of the pool, from another place on."""
    return dataclasses.replace(
        made, operands={name: dataclasses.replace(each, array=_shifted(each)) for name, each in made.operands.items()}
    )


def _shifted(operand: Operand) -> Array:
    array = operand.array
    if operand.layout in ("expanded", "broadcast") or not array.size:
        return array
    return np.roll(array.reshape(-1), 7).reshape(array.shape)


def _as(operand: Operand, dtype: str) -> Operand:
    return dataclasses.replace(operand, array=cast(operand.values, dtype))

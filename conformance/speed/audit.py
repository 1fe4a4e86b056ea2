"""Whether what was timed was computed: the results of a round's last call, and the operands, looked at afterwards."""

from __future__ import annotations

import numpy as np

from conformance import operator
from conformance.adapter import Array
from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Floats
from conformance.arithmetic.ulp import ulps
from conformance.spec.bounds import GRADIENT_MUST, LOSS_MUST, careless_summation
from conformance.speed.stage import Stage

EVERY = 1 << 20  # elements up to which all are compared; of more, as many that nobody can foresee
ROOF = 1.5  # times what the yardstick moves: beyond that nothing was computed, or the machine was busy elsewhere


def fault(stage: Stage) -> str:
    """What is wrong with the last round; '' if nothing is."""
    try:
        results = stage.rounds.results()
    except TypeError as error:
        return f"its timed result is no plain tensor: {error}"
    given = stage.given(stage.last())
    names = ("loss", "gradient")[: 2 if stage.workload.step == "backward" else 1]
    if len(results) != len(names):
        return f"its timed call returned {len(results)} results"
    for name, got in zip(names, results, strict=True):
        if told := _wrong(stage, name, got, given):
            return told
    return _changed(stage)


def too_fast(of_bandwidth: float) -> str:
    """What is wrong with a share of the yardstick's bandwidth; '' if nothing is."""
    if of_bandwidth <= ROOF:
        return ""
    return (
        f"it moves {of_bandwidth:.1f} times the bytes that this machine moved beside it: it was not computed, or the "
        "machine was too busy for its own yardstick"
    )


def _changed(stage: Stage) -> str:
    index = stage.last()
    held = stage.rounds.operands(index)
    for name, array in stage.given(index).items():
        if name not in held or held[name].tobytes() != array.tobytes():
            return f"it changed its {name}"
    return ""


def _wrong(stage: Stage, name: str, got: Array, given: dict[str, Array]) -> str:
    work, dtype = stage.workload, stage.runner.dtype
    whole = name == "loss" and work.reduction != "none"
    if got.size != (1 if whole else work.elements):
        return f"its timed {name} has the shape {list(got.shape)}"
    chosen = slice(None)
    if not whole and work.elements > EVERY:
        chosen = np.random.default_rng().integers(0, work.elements, EVERY)  # type: ignore[assignment]
    x, z = (given[each][chosen].astype(np.float64) for each in ("logits", "labels"))
    right, allowed = _expected(name, x, z, dtype)
    if whole:
        roundings = careless_summation(work.elements, dtype.precision).ulps
        right, allowed = right.mean(keepdims=True), roundings * ulps(right.mean(keepdims=True), dtype)
    elif name == "gradient" and work.reduction != "none":
        # Each rounding of a share too small for the format is half of the smallest number.
        right, allowed = right / work.elements, allowed / work.elements + 2.0 * ulps(np.zeros(1), dtype)
        allowed = allowed + np.where(np.abs(right) < 2 * dtype.smallest_normal, np.abs(right), 0.0)
    values = got.reshape(-1)[chosen].astype(np.float64)
    bad = ~(np.abs(values - right) <= allowed)
    if not bad.any():
        return ""
    worst = int(np.argmax(np.where(np.isnan(values), np.inf, np.abs(values - right) / allowed)))
    where = "" if whole else f" at logit {x[worst]:.6g}, label {z[worst]:g}"
    return f"its timed {name}{where} is {values[worst]:.9g}, and {right[worst]:.9g} is right"


def _expected(name: str, x: Floats, z: Floats, dtype: Dtype) -> tuple[Floats, Floats]:
    """Losses or gradients, and how far from them a result may be."""
    ones = np.ones_like(x)
    right = operator.loss(x, z) if name == "loss" else operator.gradient(x, z)
    bound = LOSS_MUST if name == "loss" else GRADIENT_MUST
    scale = operator.largest_term(name, x, z, ones, ones, ones)
    return right, bound.ulps * ulps(scale, dtype) + operator.ORACLE_ULPS * np.spacing(np.abs(scale))

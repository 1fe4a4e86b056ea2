"""One case as calls of one runner: its operands, the results, and the errors of their elements."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from conformance import operator
from conformance.adapter import Array
from conformance.arithmetic import probability
from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Floats
from conformance.arithmetic.ulp import Errors, measure
from conformance.golden.case import Case, Values
from conformance.subjects.subject import Call, Runner, native

DIFFERENTIATED = {
    "gradient": "",  # with respect to what the implementation takes
    "label_gradient": "labels",
    "weight_gradient": "weight",
    "pos_weight_gradient": "pos_weight",
}


@dataclass(eq=False)
class Exercise:
    """A runner and a case that is put to it."""

    runner: Runner
    case: Case

    @property
    def dtype(self) -> Dtype:
        """The dtype under test."""
        return self.runner.dtype

    def call(self, case: Case | None = None, *, reduction: str = "none", layout: str = "contiguous") -> Call:
        """The case's own call, in its own shapes."""
        case = case or self.case
        names = [name for name in (case.argument, "labels", "weight", "pos_weight") if name in case.texts]
        operands = {name: self._operand(case, name) for name in names}
        smoothing = float(case.label_smoothing) if case.label_smoothing != "0" else None
        return Call(operands, reduction, smoothing, layout, case.ignore_index)

    def run(self, call: Call, quantity: str = "loss", cotangent: Array | None = None) -> Array:
        """Run a call. Derivatives get a cotangent of ones unless one is given."""
        if quantity not in DIFFERENTIATED:
            return self.runner.run(call, quantity)
        return self.runner.run(self.with_cotangent(call, cotangent), "gradient", DIFFERENTIATED[quantity])

    def with_cotangent(self, call: Call, cotangent: Array | None = None) -> Call:
        """The call with a cotangent: ones of the result's shape unless one is given."""
        if cotangent is None:
            shape = np.broadcast_shapes(*(array.shape for array in call.operands.values()))
            cotangent = native(np.ones(shape if call.reduction == "none" else ()), self.dtype)
        return dataclasses.replace(call, operands={**call.operands, "cotangent": cotangent})

    def compare(self, got: Array, golden: str = "loss", case: Case | None = None) -> Errors:
        """Compare an unreduced result in C order with a golden quantity."""
        case = case or self.case
        values = np.asarray(got).astype(np.float64).reshape(-1)
        return measure(values, case.exact(golden, self.dtype), scale(case, golden, self.dtype), self.dtype)

    def elements(self) -> tuple[Floats, Floats]:
        """Logits (or probabilities) and labels, one an element in C order."""
        x, z, *_ = columns(self.case, self.dtype)
        return x, z

    def _operand(self, case: Case, name: str) -> Array:
        values = case.operand(name, self.dtype)
        other = {"labels": case.label_dtype, "logits": case.logit_dtype}.get(name)
        if other == "str":
            return values.astype("U8")
        if other:
            return values.astype(other)
        return native(values, self.dtype)


@functools.cache
def scale(case: Case, quantity: str, dtype: Dtype) -> Floats:
    """The magnitude of the largest term, one an element in C order."""
    x, z, w, q, c = columns(case, dtype)
    if case.argument == "probabilities":
        return probability.largest_term(quantity, x, z, w, c)
    smoothing = float(case.label_smoothing)
    return operator.largest_term(quantity, x, z * (1 - smoothing) + smoothing / 2, w, q, c)


@functools.cache
def columns(case: Case, dtype: Dtype) -> tuple[Values, ...]:
    """The operands of a case, each a flat array of its elements in C order."""
    rows = list(case.elements(dtype))
    return tuple(np.array(column, np.float64) for column in zip(*rows, strict=True)) or (np.empty(0),) * 5

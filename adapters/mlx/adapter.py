"""MLX: eager and mx.compile, on the CPU, or on Apple silicon's GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mlx.core as mx
import numpy as np
from mlx import nn

from conformance.adapter import (
    BFLOAT16,
    LAYOUTS,
    OPERANDS,
    Adapter,
    Array,
    Clamp,
    Implementation,
    NotOffered,
    Operands,
    Program,
    Reduction,
    Request,
    Tensor,
    placed,
)

DOCS = "https://ml-explore.github.io/mlx/build/html/python/nn/_autosummary_functions/"
REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum"),
    "mean": Reduction("mean", divisor="numel"),
}


def _as_the_loss(weight, logits):
    # Its documentation says "weights for each target", and it looks.
    if weight is not None and weight.shape != logits.shape:
        raise NotOffered("its weights have the shape of the loss")
    return weight


def binary_cross_entropy(logits, labels, *, weight=None, reduction="none"):
    weight = _as_the_loss(weight, logits)
    return nn.losses.binary_cross_entropy(logits, labels, weight, reduction=reduction)


def of_probabilities(probabilities, labels, *, weight=None, reduction="none"):
    weight = _as_the_loss(weight, probabilities)
    return nn.losses.binary_cross_entropy(probabilities, labels, weight, with_logits=False, reduction=reduction)


IMPLEMENTATIONS = (
    Implementation(
        "losses.binary_cross_entropy",
        "mlx.nn.losses.binary_cross_entropy",
        binary_cross_entropy,
        f"{DOCS}mlx.nn.losses.binary_cross_entropy.html",
        'nn.losses.binary_cross_entropy(x, z{more}, reduction="{reduction}")',
        spelling={"weight": ", weights=w"},
        reductions=REDUCTIONS,
        note="weights have the shape of the logits",
    ),
    Implementation(
        "losses.binary_cross_entropy(with_logits=False)",
        "mlx.nn.losses.binary_cross_entropy",
        of_probabilities,
        f"{DOCS}mlx.nn.losses.binary_cross_entropy.html",
        'nn.losses.binary_cross_entropy(p, z{more}, with_logits=False, reduction="{reduction}")',
        spelling={"weight": ", weights=w"},
        reductions=REDUCTIONS,
        takes="probabilities",
        clamp=Clamp("logarithm", "-100"),
        note='"the loss calculation clips the input probabilities (in log-space) to a minimum value of -100"',
    ),
)


class MLX(Adapter):
    """The adapter."""

    name = "mlx"
    packages = ("mlx",)
    imports = ("import mlx.core as mx, mlx.nn as nn", "from math import inf, nan")
    modes = ("eager", "compiled")
    quantities = (*Adapter.quantities, "pullback", "forward", "second")
    tangents = OPERANDS
    compiles_each_shape = ("compiled",)
    layouts = LAYOUTS[:5]

    def __init__(self) -> None:
        # float64 is computed on the CPU alone.
        mx.set_default_device(mx.cpu)

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS

    def devices(self) -> tuple[str, ...]:
        return ("cpu",)

    def functions(self) -> Mapping[str, Callable]:
        return {
            "tensor": lambda values: mx.array(values, mx.float32), "relu": nn.relu, "abs": mx.abs, "exp": mx.exp,
            "log1p": mx.log1p, "mean": mx.mean,
        }  # fmt: skip

    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        return placed(array, layout, _tensor, mx.broadcast_to, mx.transpose)

    def fetch(self, tensor: Tensor) -> Array:
        # A view has the strides of what it is a view of.
        tensor = mx.contiguous(tensor)
        if tensor.dtype == mx.bfloat16:
            return np.array(tensor.view(mx.uint16)).view(BFLOAT16)
        return np.array(tensor)

    def is_plain(self, tensor: Tensor) -> bool:
        return type(tensor) is mx.array

    def device_of(self, tensor: Tensor) -> str:
        if not isinstance(tensor, mx.array):
            raise TypeError(f"a {type(tensor).__name__}, and no mx.array")
        return "cpu"

    def wait(self, result: Tensor) -> None:
        mx.eval(result)

    def state(self) -> Mapping[str, str]:
        return {"the default device": str(mx.default_device())}

    def program(self, request: Request) -> Program:
        program = _program(request)
        if request.mode == "eager" or request.quantity == "pullback":
            return program
        return _compiled(program)

    def literal(self, values: str, dtype: str, device: str) -> str:
        return f"mx.array({values}, mx.{'bool_' if dtype == 'bool' else dtype})"

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        compiled = ("f = mx.compile(f)",) if request.mode == "compiled" else ()
        cotangent = "c" if has_cotangent else "mx.ones_like(f({args}))"
        # A CPU's float64 is not the default device's where that is a GPU.
        lines = {
            "loss": ("print(f({args}))",),
            "gradient": (f"print(mx.vjp(lambda {{wrt}}: f({{args}}), [{{wrt}}], [{cotangent}])[1][0])",),
            "tangent": ("print(mx.jvp(lambda {wrt}: f({args}), [{wrt}], [mx.ones_like({wrt})])[1][0])",),
            "curvature": (
                "g = mx.grad(lambda {wrt}: f({args}).sum())",
                "print(mx.grad(lambda {wrt}: g({wrt}).sum())({wrt}))",
            ),
        }
        return compiled + lines[request.quantity]


def _tensor(array: Array) -> Tensor:
    array = np.array(array, order="C")
    if array.dtype == BFLOAT16:
        return mx.array(array.view(np.uint16)).view(mx.bfloat16)
    return mx.array(array, _KINDS.get(array.dtype.name))


# What mx.array would make float32 of.
_KINDS = {"float64": mx.float64}


def _compiled(program: Program) -> Program:
    # It takes arrays in nested lists and dictionaries, and keeps a program for each of their shapes and dtypes.
    compiled = mx.compile(program)
    return lambda operands: compiled(dict(operands))


def _program(request: Request) -> Program:
    def of(operands: Operands, *names: str) -> tuple[Callable, list[Tensor]]:
        def function(*values: Tensor) -> Tensor:
            return request.forward({**operands, **dict(zip(names, values, strict=True))})

        return function, [operands[name] for name in names]

    def both(operands: Operands) -> tuple[Tensor, Tensor]:
        results, gradients = mx.vjp(*of(operands, request.wrt), [operands["cotangent"]])
        return results[0], gradients[0]

    def tangent(operands: Operands) -> Tensor:
        function, values = of(operands, request.wrt)
        return mx.jvp(function, values, [mx.ones_like(each) for each in values])[1][0]

    def curvature(operands: Operands) -> Tensor:
        function, (value,) = of(operands, request.argument)
        first = mx.grad(lambda x: function(x).sum())
        return mx.grad(lambda x: first(x).sum())(value)

    def pullback(operands: Operands) -> tuple[Tensor, Callable]:
        function, values = of(operands, *request.along)
        result = request.forward(operands)
        return result, lambda cotangent: mx.vjp(function, values, [cotangent.astype(result.dtype)])[1]

    def along_all(operands: Operands) -> Tensor:
        function, values = of(operands, *request.along)
        return mx.jvp(function, values, [operands[f"tangent_{name}"] for name in request.along])[1][0]

    def second(operands: Operands) -> Tensor:
        def first(value: Tensor) -> Tensor:
            given = {**operands, request.wrt: value}
            function, values = of(given, request.argument)
            dtype = request.forward(given).dtype
            return mx.vjp(function, values, [given["cotangent"].astype(dtype)])[1][0]

        return mx.vjp(first, [operands[request.wrt]], [operands["direction"]])[1][0]

    programs: dict[str, Any] = {
        "loss": request.forward, "gradient": lambda operands: both(operands)[1], "both": both, "tangent": tangent,
        "curvature": curvature, "pullback": pullback, "forward": along_all, "second": second,
    }  # fmt: skip
    return programs[request.quantity]


ADAPTER = MLX

"""tinygrad: lazily computed and TinyJit, on the CPU (compiled by clang) or on the GPU that it sees."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tinygrad import Device, Tensor, TinyJit, dtypes

from conformance.adapter import (
    BFLOAT16,
    DTYPES,
    LAYOUTS,
    Adapter,
    Array,
    Implementation,
    NotOffered,
    Operands,
    Program,
    Reduction,
    Request,
    placed,
)

if Device.DEFAULT in ("CPU", "CLANG") and shutil.which(os.environ.get("CC", "clang")) is None:
    raise ImportError("tinygrad compiles for the CPU with clang, and there is none: install it, or set CC=clang-19")
DOCS = "https://docs.tinygrad.org/tensor/ops/#tinygrad.Tensor."
REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum"),
    "mean": Reduction("mean", divisor="numel"),
}
_CPU = Device.DEFAULT if Device.DEFAULT in ("CPU", "CLANG", "LLVM") else "CPU"
_DEVICES = {"cpu": _CPU, "gpu": Device.DEFAULT}


def binary_crossentropy_logits(logits, labels, *, pos_weight=None, reduction="none"):
    return logits.binary_crossentropy_logits(labels, reduction=reduction, pos_weight=pos_weight)


def binary_crossentropy(probabilities, labels, *, reduction="none"):
    return probabilities.binary_crossentropy(labels, reduction=reduction)


IMPLEMENTATIONS = (
    Implementation(
        "binary_crossentropy_logits",
        "tinygrad.Tensor.binary_crossentropy_logits",
        binary_crossentropy_logits,
        f"{DOCS}binary_crossentropy_logits",
        'x.binary_crossentropy_logits(z{more}, reduction="{reduction}")',
        spelling={"pos_weight": ", pos_weight=q"},
        reductions=REDUCTIONS,
        broadcasts=True,
    ),
    Implementation(
        "binary_crossentropy",
        "tinygrad.Tensor.binary_crossentropy",
        binary_crossentropy,
        f"{DOCS}binary_crossentropy",
        'p.binary_crossentropy(z, reduction="{reduction}")',
        reductions=REDUCTIONS,
        broadcasts=True,
        takes="probabilities",
        note="its documentation clamps nothing",
    ),
)


def _compiles(dtype: Any) -> bool:
    """False of bfloat16 with a clang before 17."""
    try:
        (Tensor([1.0, 2.0], dtype=dtype) * 2).realize()
    except Exception:
        return False
    return True


class Tinygrad(Adapter):
    """The adapter."""

    name = "tinygrad"
    packages = ("tinygrad",)
    imports = ("from tinygrad import Tensor, TinyJit, dtypes", "from math import inf, nan")
    modes = ("eager", "compiled")
    quantities = ("loss", "gradient", "both", "curvature", "pullback", "second")
    compiles_each_shape = ("eager", "compiled")
    compiles_slowly = ("eager", "compiled")  # by clang, a process for each kernel
    layouts = LAYOUTS[:5]
    dtypes = DTYPES if _compiles(dtypes.bfloat16) else DTYPES[:3]

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS

    def devices(self) -> tuple[str, ...]:
        return ("cpu",) if Device.DEFAULT == _CPU else ("cpu", "gpu")

    def functions(self) -> Mapping[str, Callable]:
        return {
            "tensor": lambda values: Tensor(values, dtype=dtypes.float32), "relu": Tensor.relu, "abs": Tensor.abs,
            "exp": Tensor.exp, "log1p": lambda x: (1 + x).log(), "mean": Tensor.mean,
        }  # fmt: skip

    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        return placed(
            array,
            layout,
            lambda it: _tensor(it, device).realize(),
            lambda it, shape: it.expand(shape),
            lambda it, axes: it.permute(axes),
        )

    def fetch(self, tensor: Tensor) -> Array:
        if tensor.dtype == dtypes.bfloat16:
            return tensor.contiguous().bitcast(dtypes.uint16).numpy().view(BFLOAT16)
        return tensor.numpy()

    def is_plain(self, tensor: Tensor) -> bool:
        return type(tensor) is Tensor

    def device_of(self, tensor: Tensor) -> str:
        # A constant is nowhere until it is needed.
        return "gpu" if Device.DEFAULT != _CPU and str(tensor.device).startswith(Device.DEFAULT) else "cpu"

    def wait(self, result: Tensor) -> None:
        result.realize()
        Device[Device.DEFAULT].synchronize()

    def state(self) -> Mapping[str, str]:
        return {
            "the default device": Device.DEFAULT,
            "the default dtype": str(dtypes.default_float),
            "training mode": str(getattr(Tensor, "training", "")),
        }

    def program(self, request: Request) -> Program:
        program = _program(request)
        if request.mode == "eager":
            return _realized(program)
        if request.quantity == "pullback":
            raise NotOffered("TinyJit replays kernels, and what it returns has no graph to differentiate")
        return _jitted(program)

    def literal(self, values: str, dtype: str, device: str) -> str:
        place = f', device="{Device.DEFAULT}"' if device == "gpu" else ""
        return f"Tensor({values}, dtype=dtypes.{dtype}{place})"

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        cotangent = "c" if has_cotangent else "y.ones_like()"
        lines = {
            "loss": ("g = f",),
            "gradient": ("def g({args}):", f"    y = f({{args}}); return y.gradient({{wrt}}, gradient={cotangent})[0]"),
            "curvature": (
                "def g({args}):",
                "    first = f({args}).sum().gradient({wrt})[0]; return first.sum().gradient({wrt})[0]",
            ),
        }[request.quantity]
        if request.mode == "eager":
            return (*lines, "print(g({args}).tolist())")
        jit = ("j = TinyJit(lambda *a: g(*a).realize())", "for _ in range(3): y = j(*(t.realize() for t in ({args},)))")
        return (*lines, *jit, "print(y.tolist())")


def _tensor(array: Array, device: str) -> Tensor:
    array = np.array(array, order="C")
    if array.dtype == BFLOAT16:
        return Tensor(array.view(np.uint16), device=_DEVICES[device]).bitcast(dtypes.bfloat16)
    return Tensor(array, device=_DEVICES[device])


def _realized(program: Program) -> Program:
    """What is computed when it is asked for, computed here."""

    def run(operands: Operands) -> Any:
        result = program(operands)
        first = result[0] if isinstance(result, tuple) else result
        return (first.realize(), *result[1:]) if isinstance(result, tuple) else first.realize()

    return run


def _jitted(program: Program) -> Program:
    """TinyJit runs a call, records the next one and replays it from the third on: what is judged is a replay."""
    known: dict[tuple, TinyJit] = {}

    def run(operands: Operands) -> Any:
        signature = tuple((name, each.shape, each.dtype) for name, each in operands.items())
        given = [each.clone().realize() for each in operands.values()]  # views and constants are refused
        if signature not in known:

            def call(*tensors: Tensor) -> Any:
                result = program(dict(zip(operands, tensors, strict=True)))
                return tuple(each.realize() for each in result) if isinstance(result, tuple) else result.realize()

            known[signature] = TinyJit(call)
            for _ in range(2):
                known[signature](*given)
        result = known[signature](*given)
        # "JIT outputs are reused": the next replay writes into the same memory.
        copies = [each.clone().realize() for each in (result if isinstance(result, tuple) else (result,))]
        return tuple(copies) if isinstance(result, tuple) else copies[0]

    return run


def _program(request: Request) -> Program:
    def both(operands: Operands) -> tuple[Tensor, Tensor]:
        result = request.forward(operands)
        return result, result.gradient(operands[request.wrt], gradient=operands["cotangent"])[0]

    def curvature(operands: Operands) -> Tensor:
        (first,) = request.forward(operands).sum().gradient(operands[request.argument])
        return first.sum().gradient(operands[request.argument])[0]

    def pullback(operands: Operands) -> tuple[Tensor, Callable]:
        # What has been realized, here or in an equal expression, has no graph any more: each pull computes it anew.
        def pull(cotangent: Tensor) -> tuple[Tensor, ...]:
            result = request.forward(operands)
            along = [operands[name] for name in request.along]
            return tuple(result.gradient(*along, gradient=cotangent.cast(result.dtype)))

        return request.forward(operands), pull

    def second(operands: Operands) -> Tensor:
        result = request.forward(operands)
        cotangent = operands["cotangent"].cast(result.dtype)
        (first,) = result.gradient(operands[request.argument], gradient=cotangent)
        wrt = operands[request.wrt]
        return first.gradient(wrt, gradient=operands["direction"])[0]

    programs = {
        "loss": request.forward, "gradient": lambda operands: both(operands)[1], "both": both, "curvature": curvature,
        "pullback": pullback, "second": second,
    }  # fmt: skip
    return programs[request.quantity]


ADAPTER = Tinygrad

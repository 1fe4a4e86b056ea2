"""MindSpore: eager (PyNative) on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

os.environ.setdefault("GLOG_v", "4")  # its C++ writes of every error before Python hears of it

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from conformance.adapter import (
    BFLOAT16,
    LAYOUTS,
    Adapter,
    Array,
    Implementation,
    NotOffered,
    Operands,
    Program,
    Reduction,
    Request,
    Tensor,
    placed,
)

ms.set_context(mode=ms.PYNATIVE_MODE)
ms.set_device("CPU")
DOCS = "https://www.mindspore.cn/docs/en/master/api_python/"
REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum"),
    "mean": Reduction("mean", divisor="numel"),
}
ELEMENTWISE = {
    "none": Reduction("none"),
    "sum": Reduction("sum", wrap="{}.sum()"),
    "mean": Reduction("mean", divisor="numel", wrap="{}.mean()"),
}
WEIGHTED = {"weight": ", weight=w", "pos_weight": ", pos_weight=q"}


def _narrow(logits):
    if logits.dtype == ms.float64:
        raise NotOffered("its primitive takes BFloat16, Float16 and Float32, and refuses Float64")


def binary_cross_entropy_with_logits(logits, labels, *, weight=None, pos_weight=None, reduction="none"):
    _narrow(logits)
    return ops.binary_cross_entropy_with_logits(logits, labels, weight, pos_weight, reduction)


def bce_with_logits_loss(logits, labels, *, weight=None, pos_weight=None, reduction="none"):
    _narrow(logits)
    return nn.BCEWithLogitsLoss(reduction, weight, pos_weight)(logits, labels)


def sigmoid_cross_entropy_with_logits(logits, labels, *, reduction="none"):
    loss = ops.SigmoidCrossEntropyWithLogits()(logits, labels)
    return {"none": lambda: loss, "sum": loss.sum, "mean": loss.mean}[reduction]()


def multilabel_soft_margin_loss(logits, labels, *, reduction="none"):
    # The class axis is averaged before any reduction, so a class axis of one keeps the elements.
    alike = logits.shape == labels.shape  # shapes that differ are the function's own affair
    rows = [each.reshape(-1, 1) if alike else each for each in (logits, labels)]
    loss = ops.multilabel_soft_margin_loss(*rows, reduction=reduction)
    return loss.reshape(logits.shape) if reduction == "none" and alike else loss


def binary_cross_entropy(probabilities, labels, *, weight=None, reduction="none"):
    _narrow(probabilities)
    return ops.binary_cross_entropy(probabilities, labels, weight, reduction)


IMPLEMENTATIONS = (
    Implementation(
        "ops.binary_cross_entropy_with_logits",
        "mindspore.ops.binary_cross_entropy_with_logits",
        binary_cross_entropy_with_logits,
        f"{DOCS}ops/mindspore.ops.binary_cross_entropy_with_logits.html",
        'ops.binary_cross_entropy_with_logits(x, z{more}, reduction="{reduction}")',
        spelling=WEIGHTED,
        reductions=REDUCTIONS,
    ),
    Implementation(
        "nn.BCEWithLogitsLoss",
        "mindspore.nn.BCEWithLogitsLoss",
        bce_with_logits_loss,
        f"{DOCS}nn/mindspore.nn.BCEWithLogitsLoss.html",
        'nn.BCEWithLogitsLoss(reduction="{reduction}"{more})(x, z)',
        spelling=WEIGHTED,
        reductions=REDUCTIONS,
        same_as="ops.binary_cross_entropy_with_logits",
    ),
    Implementation(
        "ops.SigmoidCrossEntropyWithLogits",
        "mindspore.ops.SigmoidCrossEntropyWithLogits",
        sigmoid_cross_entropy_with_logits,
        f"{DOCS}ops/mindspore.ops.SigmoidCrossEntropyWithLogits.html",
        "ops.SigmoidCrossEntropyWithLogits()(x, z)",
        reductions=ELEMENTWISE,
        note="reduced with Tensor.sum and Tensor.mean",
    ),
    Implementation(
        "ops.multilabel_soft_margin_loss",
        "mindspore.ops.multilabel_soft_margin_loss",
        multilabel_soft_margin_loss,
        f"{DOCS}ops/mindspore.ops.multilabel_soft_margin_loss.html",
        'ops.multilabel_soft_margin_loss(x.reshape(-1, 1), z.reshape(-1, 1), reduction="{reduction}")',
        reductions=REDUCTIONS,
        note="called on [N, 1]: it averages over its class axis",
    ),
    Implementation(
        "ops.binary_cross_entropy",
        "mindspore.ops.binary_cross_entropy",
        binary_cross_entropy,
        f"{DOCS}ops/mindspore.ops.binary_cross_entropy.html",
        'ops.binary_cross_entropy(p, z{more}, reduction="{reduction}")',
        spelling={"weight": ", weight=w"},
        reductions=REDUCTIONS,
        takes="probabilities",
        note="its documentation clamps nothing",
    ),
)


class MindSpore(Adapter):
    """The adapter."""

    name = "mindspore"
    packages = ("mindspore",)
    imports = ("import mindspore as ms; from mindspore import Tensor, nn, ops", "from math import inf, nan")
    modes = ("eager",)
    quantities = ("loss", "gradient", "both", "curvature", "pullback")
    layouts = LAYOUTS[:5]
    dtypes = ("float64", "float32", "float16")  # on the CPU bfloat16 has no exp, and no gradient of the loss

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS

    def devices(self) -> tuple[str, ...]:
        return ("cpu",)

    def functions(self) -> Mapping[str, Callable]:
        return {
            "tensor": lambda values: ms.Tensor(values, ms.float32), "relu": ops.relu, "abs": ops.abs, "exp": ops.exp,
            "log1p": ops.log1p, "mean": ops.mean,
        }  # fmt: skip

    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        return placed(
            array, layout, _tensor, lambda it, shape: it.broadcast_to(shape), lambda it, axes: it.transpose(*axes)
        )

    def fetch(self, tensor: Tensor) -> Array:
        if tensor.dtype == ms.bfloat16:
            return tensor.astype(ms.float32).asnumpy().astype(BFLOAT16)
        return tensor.asnumpy()

    def is_plain(self, tensor: Tensor) -> bool:
        return type(tensor) is ms.Tensor

    def device_of(self, tensor: Tensor) -> str:
        if not isinstance(tensor, ms.Tensor):
            raise TypeError(f"a {type(tensor).__name__}, and no mindspore.Tensor")
        return "cpu"

    def program(self, request: Request) -> Program:
        program = _program(request)

        def run(operands: Operands) -> Any:
            try:
                return program(operands)
            except RuntimeError as error:
                if "bprop not defined" in str(error):
                    raise NotOffered(str(error).splitlines()[0]) from None
                raise

        return run

    def literal(self, values: str, dtype: str, device: str) -> str:
        return f"Tensor({values}, ms.{'bool_' if dtype == 'bool' else dtype})"

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        cotangent = "c" if has_cotangent else "ops.ones_like(f({args}))"
        return {
            "loss": ("print(f({args}))",),
            "gradient": (f"print(ms.vjp(lambda {{wrt}}: f({{args}}), {{wrt}})[1]({cotangent})[0])",),
            "curvature": (
                "g = ms.grad(lambda {wrt}: f({args}).sum())",
                "print(ms.grad(lambda {wrt}: g({wrt}).sum())({wrt}))",
            ),
        }[request.quantity]


def _tensor(array: Array) -> Tensor:
    array = np.array(array, order="C")
    if array.dtype == BFLOAT16:
        return ms.Tensor(array.astype(np.float32)).astype(ms.bfloat16)
    return ms.Tensor(array)


def _program(request: Request) -> Program:
    def along(operands: Operands, *names: str) -> Callable[..., Tensor]:
        return lambda *values: request.forward({**operands, **dict(zip(names, values, strict=True))})

    def both(operands: Operands) -> tuple[Tensor, Tensor]:
        result, pull = ms.vjp(along(operands, request.wrt), operands[request.wrt])
        return result, pull(operands["cotangent"].astype(result.dtype))[0]

    def pullback(operands: Operands) -> tuple[Tensor, Callable]:
        result, pull = ms.vjp(along(operands, *request.along), *(operands[name] for name in request.along))
        return result, lambda cotangent: pull(cotangent.astype(result.dtype))

    def curvature(operands: Operands) -> Tensor:
        total = along(operands, request.argument)
        first = ms.grad(lambda value: total(value).sum())
        return ms.grad(lambda value: first(value).sum())(operands[request.argument])

    return {
        "loss": request.forward, "gradient": lambda operands: both(operands)[1], "both": both, "pullback": pullback,
        "curvature": curvature,
    }[request.quantity]  # fmt: skip


ADAPTER = MindSpore

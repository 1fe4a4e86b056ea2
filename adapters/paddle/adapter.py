"""PaddlePaddle: eager and paddle.jit.to_static, on the CPU and CUDA."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import paddle
from paddle.nn import functional as F

from conformance.adapter import (
    LAYOUTS,
    Adapter,
    Array,
    Implementation,
    NotOffered,
    Operands,
    Program,
    Reduction,
    Request,
    Supported,
    Tensor,
    placed,
)

DOCS = "https://www.paddlepaddle.org.cn/documentation/docs/en/api/paddle/"
REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum"),
    "mean": Reduction("mean", divisor="numel"),
}
_DEVICES = {"cpu": "cpu", "gpu": "gpu:0"}
# How it says that an operator is not differentiable twice.
# What paddle.jit.to_static makes of a function that holds others fails before, or remembers another call.
_REWRITES_CLOSURES = tuple(map(int, paddle.__version__.split(".")[:2])) >= (3, 3)
_NO_SECOND = ("doesn't have any grad op", "doesn't have any gradop", "has no double grad", "no higher-order")


def binary_cross_entropy_with_logits(logits, labels, *, weight=None, pos_weight=None, reduction="none"):
    return F.binary_cross_entropy_with_logits(logits, labels, weight, reduction, pos_weight)


def bce_with_logits_loss(logits, labels, *, weight=None, pos_weight=None, reduction="none"):
    return paddle.nn.BCEWithLogitsLoss(weight, reduction, pos_weight)(logits, labels)


def multi_label_soft_margin_loss(logits, labels, *, reduction="none"):
    # The class axis is averaged before any reduction, so a class axis of one keeps the elements.
    return F.multi_label_soft_margin_loss(logits.unsqueeze(-1), labels.unsqueeze(-1), reduction=reduction)


def soft_margin_loss(logits, labels, *, reduction="none"):
    if labels.dtype in (paddle.bool, paddle.uint8):
        labels = labels.astype("int64")  # the change to -1 and 1 is this adapter's, and must not wrap
    return F.soft_margin_loss(logits, 2 * labels - 1, reduction)


def binary_cross_entropy(probabilities, labels, *, weight=None, reduction="none"):
    return F.binary_cross_entropy(probabilities, labels, weight, reduction)


def bce_loss(probabilities, labels, *, weight=None, reduction="none"):
    return paddle.nn.BCELoss(weight, reduction)(probabilities, labels)


def bernoulli_log_prob(probabilities, labels):
    return -paddle.distribution.Bernoulli(probabilities).log_prob(labels)


def _supported(name: str, sentence: str) -> Supported:
    return Supported(("float64", "float32"), sentence, f"{DOCS}nn/functional/{name}_en.html", "2026-11-27")


WEIGHTED = {"weight": ", weight=w", "pos_weight": ", pos_weight=q"}
IMPLEMENTATIONS = (
    Implementation(
        "binary_cross_entropy_with_logits",
        "paddle.nn.functional.binary_cross_entropy_with_logits",
        binary_cross_entropy_with_logits,
        f"{DOCS}nn/functional/binary_cross_entropy_with_logits_en.html",
        'paddle.nn.functional.binary_cross_entropy_with_logits(x, z{more}, reduction="{reduction}")',
        spelling=WEIGHTED,
        reductions=REDUCTIONS,
        supports=_supported("binary_cross_entropy_with_logits", "Available dtype is float32, float64."),
    ),
    Implementation(
        "BCEWithLogitsLoss",
        "paddle.nn.BCEWithLogitsLoss",
        bce_with_logits_loss,
        f"{DOCS}nn/BCEWithLogitsLoss_en.html",
        'paddle.nn.BCEWithLogitsLoss(reduction="{reduction}"{more})(x, z)',
        spelling=WEIGHTED,
        reductions=REDUCTIONS,
        same_as="binary_cross_entropy_with_logits",
    ),
    Implementation(
        "multi_label_soft_margin_loss",
        "paddle.nn.functional.multi_label_soft_margin_loss",
        multi_label_soft_margin_loss,
        f"{DOCS}nn/functional/multi_label_soft_margin_loss_en.html",
        'paddle.nn.functional.multi_label_soft_margin_loss(x.unsqueeze(-1), z.unsqueeze(-1), reduction="{reduction}")',
        reductions=REDUCTIONS,
        note="called with a class axis of length one, over which it averages",
    ),
    Implementation(
        "soft_margin_loss",
        "paddle.nn.functional.soft_margin_loss",
        soft_margin_loss,
        f"{DOCS}nn/functional/soft_margin_loss_en.html",
        'paddle.nn.functional.soft_margin_loss(x, 2 * z - 1, reduction="{reduction}")',
        reductions=REDUCTIONS,
        labels="hard",
        note="labels 0 and 1 are passed as -1 and 1",
    ),
    Implementation(
        "binary_cross_entropy",
        "paddle.nn.functional.binary_cross_entropy",
        binary_cross_entropy,
        f"{DOCS}nn/functional/binary_cross_entropy_en.html",
        'paddle.nn.functional.binary_cross_entropy(p, z{more}, reduction="{reduction}")',
        spelling={"weight": ", weight=w"},
        reductions=REDUCTIONS,
        takes="probabilities",
        note="its documentation clamps nothing",
    ),
    Implementation(
        "BCELoss",
        "paddle.nn.BCELoss",
        bce_loss,
        f"{DOCS}nn/BCELoss_en.html",
        'paddle.nn.BCELoss(reduction="{reduction}"{more})(p, z)',
        spelling={"weight": ", weight=w"},
        reductions=REDUCTIONS,
        takes="probabilities",
        same_as="binary_cross_entropy",
        note="its documentation clamps nothing",
    ),
    Implementation(
        "distribution.Bernoulli(probs).log_prob",
        "paddle.distribution.Bernoulli",
        bernoulli_log_prob,
        f"{DOCS}distribution/Bernoulli_en.html",
        "-paddle.distribution.Bernoulli(p).log_prob(z)",
        labels="hard",
        broadcasts=True,
        takes="probabilities",
        modes=("eager",),
        note="a log-probability: its negative is the loss; its documentation clamps nothing",
    ),
)


class Paddle(Adapter):
    """The adapter."""

    name = "paddle"
    packages = ("paddlepaddle",)
    imports = ("import paddle", "from math import inf, nan")
    modes = ("eager", "compiled") if _REWRITES_CLOSURES else ("eager",)
    quantities = ("loss", "gradient", "both", "curvature", "pullback", "second")
    compiles_each_shape = ("compiled",)
    compiles_slowly = ("compiled",)
    layouts = LAYOUTS[:5]
    contexts = ("no_grad",)
    # On the CPU not even x * x has a kernel in half precision.
    dtypes = ("float64", "float32")

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS

    def versions(self) -> dict[str, str]:
        return {"paddlepaddle": paddle.__version__}

    def devices(self) -> tuple[str, ...]:
        return ("cpu", "gpu") if paddle.device.cuda.device_count() else ("cpu",)

    def functions(self) -> Mapping[str, Callable]:
        return {
            "tensor": lambda values: paddle.to_tensor(values, "float32"), "relu": F.relu, "abs": paddle.abs,
            "exp": paddle.exp, "log1p": paddle.log1p, "mean": paddle.mean,
        }  # fmt: skip

    def state(self) -> Mapping[str, str]:
        return {
            "the default dtype": paddle.get_default_dtype(),
            "whether gradients are recorded": f"{paddle.is_grad_enabled()}",
            "the device": paddle.get_device(),
        }

    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        return placed(
            array,
            layout,
            lambda it: _tensor(it, device),
            lambda it, shape: it.expand(shape),
            lambda it, axes: it.transpose(list(axes)),
        )

    def fetch(self, tensor: Tensor) -> Array:
        return tensor.numpy()

    def is_plain(self, tensor: Tensor) -> bool:
        return type(tensor) is paddle.Tensor

    def device_of(self, tensor: Tensor) -> str:
        return "gpu" if tensor.place.is_gpu_place() else "cpu"

    def wait(self, result: Tensor) -> None:
        if result.place.is_gpu_place():
            paddle.device.synchronize()

    def program(self, request: Request) -> Program:
        program = _differentiated(request, _static(request) if request.mode == "compiled" else request.forward)

        def run(operands: Operands) -> Any:
            try:
                return program(operands)
            except RuntimeError as error:
                if any(words in str(error) for words in _NO_SECOND):
                    raise NotOffered(str(error).split("If you")[0].strip()) from None
                raise

        return run

    def literal(self, values: str, dtype: str, device: str) -> str:
        place = ', place="gpu"' if device == "gpu" else ""
        return f'paddle.to_tensor({values}, "{dtype}"{place})'

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        compiled = ("f = paddle.jit.to_static(f, full_graph=True)",) if request.mode == "compiled" else ()
        cotangent = ", c" if has_cotangent else ""
        lines = {
            "loss": ("print(f({args}))",),
            "gradient": ("{wrt}.stop_gradient = False", "print(paddle.grad(f({args}), {wrt}" + cotangent + ")[0])"),
            "curvature": (
                "{wrt}.stop_gradient = False",
                "g = paddle.grad(f({args}).sum(), {wrt}, create_graph=True)[0]",
                "print(paddle.grad(g.sum(), {wrt})[0])",
            ),
        }
        return compiled + lines[request.quantity]


def _tensor(array: Array, device: str) -> Tensor:
    return paddle.to_tensor(np.array(array, order="C"), place=_DEVICES[device])


def _static(request: Request) -> Program:
    """paddle.jit.to_static of the call, a function of the operands that it is given."""

    def call(operands):
        return request.forward(operands)

    if request.quantity in ("curvature", "second"):
        raise NotOffered("the gradient of a static program is not differentiated again")
    compiled = paddle.jit.to_static(call, full_graph=True)

    def run(operands: Operands) -> Tensor:
        return compiled({name: each for name, each in operands.items() if name not in ("cotangent", "direction")})

    return run


def _differentiated(request: Request, forward: Program) -> Program:
    def leaves(operands: Operands, *names: str) -> dict[str, Tensor]:
        found = {name: operands[name].detach() for name in names}
        for leaf in found.values():
            leaf.stop_gradient = False
        return found

    def loss(operands: Operands) -> Tensor:
        if request.context != "no_grad":
            return forward(operands)
        with paddle.no_grad():
            return forward(operands)

    def both(operands: Operands) -> tuple[Tensor, Tensor]:
        leaf = leaves(operands, request.wrt)
        result = forward({**operands, **leaf})
        return result, paddle.grad(result, leaf[request.wrt], operands["cotangent"])[0]

    def pullback(operands: Operands) -> tuple[Tensor, Callable]:
        found = leaves(operands, *request.along)
        result = forward({**operands, **found})
        return result, lambda cotangent: paddle.grad(result, list(found.values()), cotangent, retain_graph=True)

    def second(operands: Operands) -> Tensor:
        found = leaves(operands, *{request.argument, request.wrt})
        given = {**operands, **found}
        (first,) = paddle.grad(forward(given), found[request.argument], given["cotangent"], create_graph=True)
        return paddle.grad(first, found[request.wrt], operands["direction"])[0]

    def curvature(operands: Operands) -> Tensor:
        leaf = leaves(operands, request.argument)
        (first,) = paddle.grad(forward({**operands, **leaf}).sum(), leaf[request.argument], create_graph=True)
        return paddle.grad(first.sum(), leaf[request.argument])[0]

    programs = {
        "loss": loss, "gradient": lambda operands: both(operands)[1], "both": both, "curvature": curvature,
        "pullback": pullback, "second": second,
    }  # fmt: skip
    return programs[request.quantity]


ADAPTER = Paddle

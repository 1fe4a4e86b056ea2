"""PyTorch: eager, autocast, torch.compile and torch.func, on the CPU and CUDA."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad
from torch.distributions import Distribution
from torch.nn import functional as F

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
    Switch,
    Tensor,
    placed,
)

# Past the limit torch.compile falls back to eager without a word, and nothing compiled would be judged.
_LIMIT = "recompile_limit" if hasattr(torch._dynamo.config, "recompile_limit") else "cache_size_limit"  # before 2.6
for _name in (_LIMIT, f"accumulated_{_LIMIT}"):
    setattr(torch._dynamo.config, _name, 100_000)
DOCS = "https://docs.pytorch.org/docs/stable/generated/"
_DEVICES = {"cpu": "cpu", "gpu": "cuda"}
_VALIDATES = Distribution._validate_args
_CONTEXTS = {"": contextlib.nullcontext, "no_grad": torch.no_grad, "inference_mode": torch.inference_mode}
_WHOLE = {2: torch.int16, 4: torch.int32}  # signed integers by their bytes
# The documentation of BCELoss: "BCELoss clamps its log function outputs to be greater than or equal to -100. This way,
# we can always have a finite loss value and a linear backward method." Of that backward method it says no more.
BCE_CLAMP = Clamp("logarithm", "-100")
REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum"),
    "mean": Reduction("mean", divisor="numel"),
}


def binary_cross_entropy_with_logits(logits, labels, *, weight=None, pos_weight=None, reduction="none"):
    return F.binary_cross_entropy_with_logits(logits, labels, weight, pos_weight=pos_weight, reduction=reduction)


def bce_with_logits_loss(logits, labels, *, weight=None, pos_weight=None, reduction="none"):
    return torch.nn.BCEWithLogitsLoss(weight, pos_weight=pos_weight, reduction=reduction)(logits, labels)


def multilabel_soft_margin_loss(logits, labels, *, reduction="none"):
    # The class axis is averaged before any reduction, so a class axis of one keeps the elements.
    return F.multilabel_soft_margin_loss(logits.unsqueeze(-1), labels.unsqueeze(-1), reduction=reduction)


def soft_margin_loss(logits, labels, *, reduction="none"):
    if labels.dtype in (torch.bool, torch.uint8):
        labels = labels.to(torch.int64)  # the change to -1 and 1 is this adapter's, and must not wrap
    return F.soft_margin_loss(logits, 2 * labels - 1, reduction=reduction)


def binary_cross_entropy_of_sigmoid(logits, labels, *, weight=None, reduction="none"):
    return F.binary_cross_entropy(torch.sigmoid(logits), labels, weight, reduction=reduction)


def bernoulli_log_prob(logits, labels):
    return -torch.distributions.Bernoulli(logits=logits).log_prob(labels)


def binary_cross_entropy(probabilities, labels, *, weight=None, reduction="none"):
    return F.binary_cross_entropy(probabilities, labels, weight, reduction=reduction)


def bce_loss(probabilities, labels, *, weight=None, reduction="none"):
    return torch.nn.BCELoss(weight, reduction=reduction)(probabilities, labels)


def bernoulli_of_probabilities(probabilities, labels):
    return -torch.distributions.Bernoulli(probs=probabilities).log_prob(labels)


IMPLEMENTATIONS = (
    Implementation(
        "binary_cross_entropy_with_logits",
        "torch.nn.functional.binary_cross_entropy_with_logits",
        binary_cross_entropy_with_logits,
        f"{DOCS}torch.nn.functional.binary_cross_entropy_with_logits.html",
        'torch.nn.functional.binary_cross_entropy_with_logits(x, z{more}, reduction="{reduction}")',
        spelling={"weight": ", weight=w", "pos_weight": ", pos_weight=q"},
        reductions=REDUCTIONS,
    ),
    Implementation(
        "BCEWithLogitsLoss",
        "torch.nn.BCEWithLogitsLoss",
        bce_with_logits_loss,
        f"{DOCS}torch.nn.BCEWithLogitsLoss.html",
        'torch.nn.BCEWithLogitsLoss(reduction="{reduction}"{more})(x, z)',
        spelling={"weight": ", weight=w", "pos_weight": ", pos_weight=q"},
        reductions=REDUCTIONS,
        same_as="binary_cross_entropy_with_logits",
    ),
    Implementation(
        "multilabel_soft_margin_loss",
        "torch.nn.functional.multilabel_soft_margin_loss",
        multilabel_soft_margin_loss,
        f"{DOCS}torch.nn.functional.multilabel_soft_margin_loss.html",
        'torch.nn.functional.multilabel_soft_margin_loss(x[..., None], z[..., None], reduction="{reduction}")',
        spelling={},
        reductions=REDUCTIONS,
        broadcasts=True,
        note="called with a class axis of length one, over which it averages",
    ),
    Implementation(
        "soft_margin_loss",
        "torch.nn.functional.soft_margin_loss",
        soft_margin_loss,
        f"{DOCS}torch.nn.functional.soft_margin_loss.html",
        'torch.nn.functional.soft_margin_loss(x, 2 * z - 1, reduction="{reduction}")',
        spelling={},
        reductions=REDUCTIONS,
        labels="hard",
        broadcasts=True,
        note="labels 0 and 1 are passed as -1 and 1",
    ),
    Implementation(
        "binary_cross_entropy",
        "torch.nn.functional.binary_cross_entropy",
        binary_cross_entropy_of_sigmoid,
        f"{DOCS}torch.nn.functional.binary_cross_entropy.html",
        'torch.nn.functional.binary_cross_entropy(torch.sigmoid(x), z{more}, reduction="{reduction}")',
        spelling={"weight": ", weight=w"},
        reductions=REDUCTIONS,
        note="takes probabilities: sigmoid(x) is passed",
        role="composition",
    ),
    Implementation(
        "Bernoulli.log_prob",
        "torch.distributions.Bernoulli",
        bernoulli_log_prob,
        "https://docs.pytorch.org/docs/stable/distributions.html#bernoulli",
        "-torch.distributions.Bernoulli(logits=x).log_prob(z)",
        labels="hard",
        broadcasts=True,
        note="a log-probability: its negative is the loss; its support is {0, 1}",
    ),
    Implementation(
        "functional.binary_cross_entropy",
        "torch.nn.functional.binary_cross_entropy",
        binary_cross_entropy,
        f"{DOCS}torch.nn.functional.binary_cross_entropy.html",
        'torch.nn.functional.binary_cross_entropy(p, z{more}, reduction="{reduction}")',
        spelling={"weight": ", weight=w"},
        reductions=REDUCTIONS,
        takes="probabilities",
        clamp=BCE_CLAMP,
        note='"see BCELoss for details", which clamps its logarithms at -100',
    ),
    Implementation(
        "BCELoss",
        "torch.nn.BCELoss",
        bce_loss,
        f"{DOCS}torch.nn.BCELoss.html",
        'torch.nn.BCELoss(reduction="{reduction}"{more})(p, z)',
        spelling={"weight": ", weight=w"},
        reductions=REDUCTIONS,
        takes="probabilities",
        clamp=BCE_CLAMP,
        same_as="functional.binary_cross_entropy",
        note='"BCELoss clamps its log function outputs to be greater than or equal to -100"',
    ),
    Implementation(
        "Bernoulli(probs).log_prob",
        "torch.distributions.Bernoulli",
        bernoulli_of_probabilities,
        "https://docs.pytorch.org/docs/stable/distributions.html#bernoulli",
        "-torch.distributions.Bernoulli(probs=p).log_prob(z)",
        labels="hard",
        broadcasts=True,
        takes="probabilities",
        note="a log-probability: its negative is the loss; its documentation clamps nothing",
    ),
)


class PyTorch(Adapter):
    """The adapter."""

    name = "pytorch"
    packages = ("torch",)
    imports = ("import torch", "from torch import inf, nan")
    modes = ("eager", "func", "autocast", "compiled")
    mixed = MappingProxyType({"autocast": ("float16", "bfloat16")})
    quantities = (*Adapter.quantities, "pullback", "forward", "second")
    tangents = OPERANDS
    layouts = (*LAYOUTS, "broadcast")
    compiles_slowly = ("compiled",)
    contexts = ("no_grad", "inference_mode")
    refills = True

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS

    def devices(self) -> tuple[str, ...]:
        return ("cpu", "gpu") if torch.cuda.is_available() else ("cpu",)

    def functions(self) -> Mapping[str, Callable]:
        return {
            "tensor": lambda values: torch.tensor(values, dtype=torch.float32), "relu": torch.relu, "abs": torch.abs,
            "exp": torch.exp, "log1p": torch.log1p, "mean": torch.mean,
        }  # fmt: skip

    def ambient(self) -> Mapping[str, Switch]:
        return {
            "set_default_dtype(float64)": Switch(lambda: torch.set_default_dtype(torch.float64)),
            "set_default_device(meta)": Switch(lambda: torch.set_default_device("meta")),
            "set_flush_denormal(True)": Switch(
                lambda: torch.set_flush_denormal(True),
                may="subnormals",
                sentence="Disables denormal floating numbers on CPU.",
                url=f"{DOCS}torch.set_flush_denormal.html",
                checked="2026-11-26",
            ),
            "use_deterministic_algorithms(True)": Switch(lambda: torch.use_deterministic_algorithms(True)),
            "set_num_threads(1)": Switch(
                lambda: torch.set_num_threads(1),
                may="rounding",
                sentence="PyTorch is not guaranteed to produce bitwise identical results for floating point "
                "computations that are mathematically identical.",
                url="https://docs.pytorch.org/docs/stable/notes/numerical_accuracy.html",
                checked="2026-11-26",
            ),
            "set_float32_matmul_precision(medium)": Switch(lambda: torch.set_float32_matmul_precision("medium")),
        }

    def threads(self) -> int:
        return torch.get_num_threads()

    def set_threads(self, count: int) -> None:
        torch.set_num_threads(count)

    def wait(self, result: Tensor) -> None:
        if result.is_cuda:
            torch.cuda.synchronize()

    def peak_memory(self, call: Callable[[], Any]) -> int | None:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        return torch.cuda.max_memory_allocated() - before

    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        def make(values: Array) -> Tensor:
            return _tensor(values).to(_DEVICES[device])

        if layout == "channels_last":
            if array.ndim != 4:
                raise NotOffered("channels_last needs rank 4")
            return make(array).to(memory_format=torch.channels_last)
        if layout == "broadcast":
            return make(array.reshape(-1)[:1]).expand(array.shape)
        return placed(array, layout, make, lambda it, shape: it.expand(shape), lambda it, axes: it.permute(axes))

    def refill(self, tensor: Tensor, array: Array) -> None:
        with torch.no_grad():
            tensor.copy_(_tensor(array))

    def state(self) -> Mapping[str, str]:
        return {
            "the random state": hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest(),
            "the default dtype": str(torch.get_default_dtype()),
            "the number of threads": str(torch.get_num_threads()),
            "whether gradients are recorded": f"{torch.is_grad_enabled()}",
            "inference mode": f"{torch.is_inference_mode_enabled()}",
            "whether algorithms are deterministic": f"{torch.are_deterministic_algorithms_enabled()}",
            "whether subnormals are flushed": f"{bool(torch.tensor([1e-40]) * 1 == 0)}",
            "precision of matrix products": torch.get_float32_matmul_precision(),
        }

    def consecutive(self, first: int, count: int, dtype: str, device: str) -> Tensor:
        kind = getattr(torch, dtype)
        whole, modulus = _WHOLE[kind.itemsize], 1 << 8 * kind.itemsize
        start = first - modulus if first >= modulus // 2 else first
        return torch.arange(start, start + count, dtype=whole, device=_DEVICES[device]).view(kind)

    def bits(self, tensor: Tensor) -> Tensor:
        return tensor.detach().view(_WHOLE[tensor.dtype.itemsize])

    def fused(self, function: Callable) -> Callable:
        return torch.no_grad()(function)

    def fetch(self, tensor: Tensor) -> Array:
        tensor = tensor.detach().cpu().contiguous()
        if tensor.dtype == torch.bfloat16:
            return tensor.view(torch.int16).numpy().view(BFLOAT16)
        return tensor.numpy()

    def is_plain(self, tensor: Tensor) -> bool:
        return type(tensor) in (torch.Tensor, torch.nn.Parameter)

    def device_of(self, tensor: Tensor) -> str:
        return "gpu" if tensor.is_cuda else "cpu"

    def program(self, request: Request) -> Program:
        programs = {"eager": _eager, "autocast": _autocast, "compiled": _compiled, "func": _func}
        return programs[request.mode](request)

    def literal(self, values: str, dtype: str, device: str) -> str:
        place = ', device="cuda"' if device == "gpu" else ""
        return f"torch.tensor({values}, dtype=torch.{dtype}{place})"

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        mode = "func" if request.mode == "func" else "eager"
        compiled = ("f = torch.compile(f, dynamic=True)",) if request.mode == "compiled" else ()
        if mode == "func" and request.quantity == "loss" and request.reduction != "none":
            return ("print(torch.func.vjp(lambda {wrt}: f({args}), {wrt})[0])",)
        cotangent = "c" if has_cotangent else "torch.ones_like(y)"
        lines = _SCRIPTS[mode, request.quantity]
        if request.mode == "autocast":
            compiled, cotangent = (_AUTOCAST,), "c.to(y.dtype)" if has_cotangent else cotangent
        return compiled + tuple(line.replace("{cotangent}", cotangent) for line in lines)


def _tensor(array: Array) -> torch.Tensor:
    array = np.array(array, order="C")
    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _eager(request: Request) -> Program:
    return _differentiated(request, request.forward)


def _autocast(request: Request) -> Program:
    """Logits of a layer in half precision, all else in float32, inside torch.autocast of their dtype."""

    def forward(operands: Operands) -> Tensor:
        first = operands[request.argument]
        with torch.autocast(first.device.type, _autocast_dtype(first)):
            return request.forward(operands)

    program = _differentiated(request, forward)

    def run(operands: Operands) -> Tensor:
        kept, half = (request.argument, "cotangent"), operands[request.argument].dtype
        return program({
            name: tensor.float() if name not in kept and tensor.dtype == half else tensor
            for name, tensor in operands.items()
        })  # fmt: skip

    return run


def _autocast_dtype(tensor: torch.Tensor) -> torch.dtype:
    if tensor.dtype in (torch.float32, torch.float64):
        raise NotOffered("what runs in float32 or float64 is what autocast leaves as it is")
    return tensor.dtype if tensor.is_floating_point() else torch.get_autocast_dtype(tensor.device.type)


def _compiled(request: Request) -> Program:
    if request.quantity in ("tangent", "curvature", "forward", "second"):
        raise NotOffered("torch.compile does not trace forward mode or double backward")
    # Sizes stay symbolic, as they become after the second batch of another size: one program a rank and dtype.
    program = _differentiated(request, torch.compile(request.forward, dynamic=True))
    # It has ended the validation of distributions' arguments for the whole process; the other modes keep it.
    Distribution._validate_args = _VALIDATES

    def run(operands: Operands) -> Tensor:
        Distribution._validate_args = False
        try:
            return program(operands)
        finally:
            Distribution._validate_args = _VALIDATES

    return run


def _differentiated(request: Request, forward: Program) -> Program:
    def loss(operands: Operands) -> Tensor:
        with _CONTEXTS[request.context]():
            return forward(operands)

    def pullback(operands: Operands) -> tuple[Tensor, Callable]:
        leaves = {name: operands[name].detach().requires_grad_() for name in request.along}
        result = forward({**operands, **leaves})
        return result, lambda cotangent: torch.autograd.grad(
            result,
            list(leaves.values()),
            _like(cotangent, result),
            retain_graph=request.mode != "compiled",  # it refuses to keep a graph whose buffers it reuses
        )

    def along_all(operands: Operands) -> Tensor:
        with forward_ad.dual_level():
            duals = {name: forward_ad.make_dual(operands[name], operands[f"tangent_{name}"]) for name in request.along}
            result = forward_ad.unpack_dual(forward({**operands, **duals}))
            return torch.zeros_like(result.primal) if result.tangent is None else result.tangent

    def second(operands: Operands) -> Tensor:
        leaves = {name: operands[name].detach().requires_grad_() for name in {request.argument, request.wrt}}
        given = {**operands, **leaves}
        result = forward(given)
        cotangent = _like(given["cotangent"], result)
        (first,) = torch.autograd.grad(result, given[request.argument], cotangent, create_graph=True)
        return torch.autograd.grad(first, leaves[request.wrt], operands["direction"])[0]

    def both(operands: Operands) -> tuple[Tensor, Tensor]:
        leaf = operands[request.wrt].detach().requires_grad_()
        result = forward({**operands, request.wrt: leaf})
        # Under autocast the loss is wider than its logits, and takes a cotangent of its own dtype.
        return result, torch.autograd.grad(result, leaf, operands["cotangent"].to(result.dtype))[0]

    def gradient(operands: Operands) -> Tensor:
        return both(operands)[1]

    def tangent(operands: Operands) -> Tensor:
        value = operands[request.wrt]
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(value, torch.ones_like(value))
            result = forward_ad.unpack_dual(forward({**operands, request.wrt: dual}))
            # No tangent is one of zero: that is how it goes into the next operation.
            return torch.zeros_like(result.primal) if result.tangent is None else result.tangent

    def curvature(operands: Operands) -> Tensor:
        leaf = operands[request.argument].detach().requires_grad_()
        result = forward({**operands, request.argument: leaf})
        (first,) = torch.autograd.grad(result, leaf, torch.ones_like(result), create_graph=True)
        return torch.autograd.grad(first, leaf, torch.ones_like(first))[0]

    programs = {
        "loss": loss, "gradient": gradient, "both": both, "tangent": tangent, "curvature": curvature,
        "pullback": pullback, "forward": along_all, "second": second,
    }  # fmt: skip
    return programs[request.quantity]


def _like(cotangent: Tensor, result: Tensor) -> Tensor:
    """The cotangent in the dtype of the result, which other operands may have widened; as it lies, if it is in that."""
    return cotangent if cotangent.dtype == result.dtype else cotangent.to(result.dtype)


def _func(request: Request) -> Program:
    if request.context:
        raise NotOffered(f"torch.func has no {request.context}")

    def along(operands: Operands) -> Any:
        return lambda value: request.forward({**operands, request.wrt: value})

    def loss(operands: Operands) -> Tensor:
        first, labels = operands[request.argument], operands["labels"]
        # vmap would hide a mismatch of shapes: only what has one loss a row is mapped over its rows.
        if request.reduction != "none" or first.shape != labels.shape or not first.ndim or not first.numel():
            return torch.func.vjp(along(operands), first)[0]
        mapped = {name: each for name, each in operands.items() if each.shape[:1] == first.shape[:1]}
        mapped = {name: each for name, each in mapped.items() if each.ndim == first.ndim}
        whole = {name: each for name, each in operands.items() if name not in mapped}
        return torch.func.vmap(lambda row: request.forward({**whole, **row}))(mapped)

    def both(operands: Operands) -> tuple[Tensor, Tensor]:
        result, pullback = torch.func.vjp(along(operands), operands[request.wrt])
        return result, pullback(operands["cotangent"])[0]

    def gradient(operands: Operands) -> Tensor:
        return both(operands)[1]

    def tangent(operands: Operands) -> Tensor:
        value = operands[request.wrt]
        return torch.func.jvp(along(operands), (value,), (torch.ones_like(value),))[1]

    def curvature(operands: Operands) -> Tensor:
        def total(value: Tensor) -> Tensor:
            return along(operands)(value).sum()

        first = torch.func.grad(total)
        return torch.func.grad(lambda value: first(value).sum())(operands[request.argument])

    programs = {"loss": loss, "gradient": gradient, "both": both, "tangent": tangent, "curvature": curvature}
    return programs[request.quantity] if request.quantity in programs else _func_of_several(request)


def _func_of_several(request: Request) -> Program:
    def of(operands: Operands, *names: str) -> tuple[Callable, tuple[Tensor, ...]]:
        def function(*values: Tensor) -> Tensor:
            return request.forward({**operands, **dict(zip(names, values, strict=True))})

        return function, tuple(operands[name] for name in names)

    def pullback(operands: Operands) -> tuple[Tensor, Callable]:
        function, values = of(operands, *request.along)
        result, pull = torch.func.vjp(function, *values)
        return result, lambda cotangent: pull(_like(cotangent, result))

    def along_all(operands: Operands) -> Tensor:
        function, values = of(operands, *request.along)
        return torch.func.jvp(function, values, tuple(operands[f"tangent_{name}"] for name in request.along))[1]

    def second(operands: Operands) -> Tensor:
        def first(value: Tensor) -> Tensor:
            given = {**operands, request.wrt: value}
            function, (logits,) = of(given, request.argument)
            result, pull = torch.func.vjp(function, logits)
            return pull(_like(given["cotangent"], result))[0]

        return torch.func.vjp(first, operands[request.wrt])[1](operands["direction"])[0]

    return {"pullback": pullback, "forward": along_all, "second": second}[request.quantity]


# The labels, and weights, of a model under autocast are in float32.
_AUTOCAST = (
    "f = lambda *a, f=f: torch.autocast(a[0].device.type, a[0].dtype)(f)"
    "(a[0], *(t.float() if t.dtype == a[0].dtype else t for t in a[1:]))"
)
_SCRIPTS = {
    ("eager", "loss"): ("print(f({args}))",),
    ("eager", "gradient"): (
        "{wrt}.requires_grad_()",
        "y = f({args})",
        "print(torch.autograd.grad(y, {wrt}, {cotangent})[0])",
    ),
    ("eager", "tangent"): (
        "with torch.autograd.forward_ad.dual_level():",
        "    {wrt} = torch.autograd.forward_ad.make_dual({wrt}, torch.ones_like({wrt}))",
        "    print(torch.autograd.forward_ad.unpack_dual(f({args})).tangent)",
    ),
    ("eager", "curvature"): (
        "{wrt}.requires_grad_()",
        "g = torch.autograd.grad(f({args}).sum(), {wrt}, create_graph=True)[0]",
        "print(torch.autograd.grad(g.sum(), {wrt})[0])",
    ),
    ("func", "loss"): ("print(torch.func.vmap(f)({args}))",),
    ("func", "gradient"): (
        "y, pullback = torch.func.vjp(lambda {wrt}: f({args}), {wrt})",
        "print(pullback({cotangent})[0])",
    ),
    ("func", "tangent"): ("print(torch.func.jvp(lambda {wrt}: f({args}), ({wrt},), (torch.ones_like({wrt}),))[1])",),
    ("func", "curvature"): (
        "g = torch.func.grad(lambda {wrt}: f({args}).sum())",
        "print(torch.func.grad(lambda {wrt}: g({wrt}).sum())({wrt}))",
    ),
}


ADAPTER = PyTorch

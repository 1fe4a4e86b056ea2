"""JAX and Optax: op by op and jit, on the CPU and CUDA, with 64-bit types on."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # read when the backend starts

import jax
import jax.numpy as jnp
import numpy as np
import optax

from conformance.adapter import (
    LAYOUTS,
    OPERANDS,
    Adapter,
    Array,
    Implementation,
    NotOffered,
    Operands,
    Program,
    Reduction,
    Request,
    Switch,
    Tensor,
    strided,
)

jax.config.update("jax_enable_x64", True)
# Every primitive is compiled for every shape, 45 ms each: what one worker or run has compiled serves the others.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sigmoid-xent-conformance" / "jax"
jax.config.update("jax_compilation_cache_dir", str(_CACHE))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
REDUCED = {
    "none": Reduction("none"),
    "sum": Reduction("sum", wrap="jnp.sum({})"),
    "mean": Reduction("mean", divisor="numel", wrap="jnp.mean({})"),
}
_STATE = ("jax_enable_x64", "jax_default_matmul_precision", "jax_numpy_dtype_promotion", "jax_debug_nans")
OPTAX = "https://optax.readthedocs.io/en/latest/api/losses.html"


@functools.cache
def _array_type() -> type:
    return type(jnp.zeros(()))


def _with_reduction(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Give an elementwise operator the keyword ``reduction``: jnp.sum or jnp.mean of its result."""

    def reduced(logits, labels, *, reduction="none"):
        loss = function(logits, labels)
        return {"none": lambda: loss, "sum": loss.sum, "mean": loss.mean}[reduction]()

    return reduced


def focal_loss(logits, labels):
    return optax.losses.sigmoid_focal_loss(logits, labels, gamma=0.0)


def log_sigmoid_composition(logits, labels):
    return -labels * jax.nn.log_sigmoid(logits) - (1 - labels) * jax.nn.log_sigmoid(-logits)


def textbook_formula(logits, labels):
    p = jax.nn.sigmoid(logits)
    return -(labels * jnp.log(p) + (1 - labels) * jnp.log(1 - p))


def _implementation(
    name: str,
    target: str,
    function: Callable[..., Tensor],
    expression: str,
    documentation: str,
    note: str = "",
    role: str = "function",
) -> Implementation:
    return Implementation(
        name,
        target,
        _with_reduction(function),
        documentation,
        expression,
        reductions=REDUCED,
        broadcasts=True,
        note=f"{note}reduced with jnp.sum and jnp.mean",
        role=role,
    )


IMPLEMENTATIONS = (
    _implementation(
        "optax.sigmoid_binary_cross_entropy",
        "optax.losses.sigmoid_binary_cross_entropy",
        optax.losses.sigmoid_binary_cross_entropy,
        "optax.losses.sigmoid_binary_cross_entropy(x, z)",
        f"{OPTAX}#optax.losses.sigmoid_binary_cross_entropy",
    ),
    _implementation(
        "optax.sigmoid_focal_loss",
        "optax.losses.sigmoid_focal_loss",
        focal_loss,
        "optax.losses.sigmoid_focal_loss(x, z, gamma=0.0)",
        f"{OPTAX}#optax.losses.sigmoid_focal_loss",
        "gamma=0, where focal loss is the cross-entropy; ",
    ),
    _implementation(
        "log_sigmoid composition",
        "jax.nn.log_sigmoid",
        log_sigmoid_composition,
        "-z * jax.nn.log_sigmoid(x) - (1 - z) * jax.nn.log_sigmoid(-x)",
        "https://docs.jax.dev/en/latest/_autosummary/jax.nn.log_sigmoid.html",
        role="composition",
    ),
    _implementation(
        "textbook formula",
        "jax.nn.sigmoid, jnp.log",
        textbook_formula,
        "-(z * jnp.log(jax.nn.sigmoid(x)) + (1 - z) * jnp.log(1 - jax.nn.sigmoid(x)))",
        "https://docs.jax.dev/en/latest/_autosummary/jax.nn.sigmoid.html",
        "on probabilities, as in textbooks: the control that has to be caught; ",
        "control",
    ),
)


class Jax(Adapter):
    """The adapter."""

    name = "jax"
    packages = ("jax", "jaxlib", "optax")
    imports = (
        "import jax, jax.numpy as jnp, optax; jax.config.update('jax_enable_x64', True)",
        "from jax.numpy import inf, nan",
    )
    modes = ("eager", "compiled")
    quantities = (*Adapter.quantities, "pullback", "forward", "second")
    tangents = OPERANDS
    compiles_each_shape = ("eager", "compiled")
    layouts = LAYOUTS[:5]  # host arrays may have strides when they are handed over; device arrays have none

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS

    def devices(self) -> tuple[str, ...]:
        return ("cpu",) if jax.default_backend() == "cpu" else ("cpu", "gpu")

    def functions(self) -> Mapping[str, Callable]:
        return {
            "tensor": lambda values: jnp.array(values, jnp.float32), "relu": jax.nn.relu, "abs": jnp.abs,
            "exp": jnp.exp, "log1p": jnp.log1p, "mean": jnp.mean,
        }  # fmt: skip

    def ambient(self) -> Mapping[str, Switch]:
        one_thread = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        return {
            # What an implementation computes in float64 inside is computed in float32 then.
            "jax_enable_x64=False": Switch(
                lambda: jax.config.update("jax_enable_x64", False),
                may="rounding",
                sentence="The main mechanism JAX offers for this is the jax_enable_x64 flag, which controls whether "
                "64-bit values can be created at all.",
                url="https://docs.jax.dev/en/latest/default_dtypes.html",
                checked="2026-11-26",
            ),
            "jax_default_matmul_precision=bfloat16": _set("jax_default_matmul_precision", "bfloat16"),
            "jax_numpy_dtype_promotion=strict": _set("jax_numpy_dtype_promotion", "strict"),
            "jax_disable_jit=True": _set("jax_disable_jit", True),
            "jax_debug_nans=True": _set("jax_debug_nans", True),
            "XLA_FLAGS, one thread": Switch(environment={"XLA_FLAGS": one_thread}),
        }

    def threads(self) -> int:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0

    def set_threads(self, count: int) -> None:
        # Its pool is as large as the process has cores. First calls are timed: none may come from the disk.
        jax.config.update("jax_enable_compilation_cache", False)

    def wait(self, result: Tensor) -> None:
        result.block_until_ready()

    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        if array.dtype.kind in "US":
            raise NotOffered("JAX has no string arrays")
        target = jax.devices(device)[0]
        if layout == "contiguous":
            return jax.device_put(array, target)
        if layout == "expanded":
            return jax.device_put(np.broadcast_to(array[:1], array.shape), target)
        base, view = strided(array, layout)
        return jax.device_put(base.transpose(view) if layout == "transposed" else base[view], target)

    def consecutive(self, first: int, count: int, dtype: str, device: str) -> Tensor:
        kind = jnp.dtype(dtype)
        with jax.default_device(jax.devices(device)[0]):
            steps = jnp.arange(count, dtype=f"uint{8 * kind.itemsize}")
            return jax.lax.bitcast_convert_type(steps + steps.dtype.type(first), kind)

    def bits(self, tensor: Tensor) -> Tensor:
        return jax.lax.bitcast_convert_type(tensor, f"int{8 * tensor.dtype.itemsize}")

    def fused(self, function: Callable) -> Callable:
        return jax.jit(function)

    def fetch(self, tensor: Tensor) -> Array:
        return np.asarray(tensor)

    def is_plain(self, tensor: Tensor) -> bool:
        return type(tensor) is _array_type()

    def device_of(self, tensor: Tensor) -> str:
        (device,) = tensor.devices()
        return "cpu" if device.platform == "cpu" else "gpu"

    def state(self) -> Mapping[str, str]:
        return {f"jax.config.{name}": str(getattr(jax.config, name)) for name in _STATE}

    def program(self, request: Request) -> Program:
        if request.quantity == "pullback":
            return _pullback(request)
        program = _program(request)
        return jax.jit(program) if request.mode == "compiled" else program

    def literal(self, values: str, dtype: str, device: str) -> str:
        return f"jnp.array({values}, jnp.{'bool_' if dtype == 'bool' else dtype})"

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        compiled = ("f = jax.jit(f)",) if request.mode == "compiled" else ()
        cotangent = "c" if has_cotangent else "jnp.ones_like(y)"
        return (
            compiled
            + {
                "loss": ("print(f({args}))",),
                "gradient": (
                    "y, pullback = jax.vjp(lambda {wrt}: f({args}), {wrt})",
                    f"print(pullback({cotangent})[0])",
                ),
                "tangent": ("print(jax.jvp(lambda {wrt}: f({args}), ({wrt},), (jnp.ones_like({wrt}),))[1])",),
                "curvature": (
                    "g = jax.grad(lambda {wrt}: f({args}).sum())",
                    "print(jax.grad(lambda {wrt}: g({wrt}).sum())({wrt}))",
                ),
            }[request.quantity]
        )


def _set(name: str, value: object) -> Switch:
    return Switch(lambda: jax.config.update(name, value))


def _program(request: Request) -> Program:
    def along(operands: Operands) -> Callable[[Tensor], Tensor]:
        return lambda value: request.forward({**operands, request.wrt: value})

    def both(operands: Operands) -> tuple[Tensor, Tensor]:
        result, pullback = jax.vjp(along(operands), operands[request.wrt])
        # A loss in another dtype than the logits takes a cotangent of its own dtype.
        return result, pullback(operands["cotangent"].astype(result.dtype))[0]

    def gradient(operands: Operands) -> Tensor:
        return both(operands)[1]

    def tangent(operands: Operands) -> Tensor:
        value = operands[request.wrt]
        return jax.jvp(along(operands), (value,), (jnp.ones_like(value),))[1]

    def along_all(operands: Operands) -> Tensor:
        def function(*values: Tensor) -> Tensor:
            return request.forward({**operands, **dict(zip(request.along, values, strict=True))})

        primals = tuple(operands[name] for name in request.along)
        return jax.jvp(function, primals, tuple(operands[f"tangent_{name}"] for name in request.along))[1]

    def second(operands: Operands) -> Tensor:
        def first(value: Tensor) -> Tensor:
            given = {**operands, request.wrt: value}
            logits = given[request.argument]
            result, pull = jax.vjp(lambda x: request.forward({**given, request.argument: x}), logits)
            return pull(given["cotangent"].astype(result.dtype))[0]

        return jax.vjp(first, operands[request.wrt])[1](operands["direction"])[0]

    def curvature(operands: Operands) -> Tensor:
        first = jax.grad(lambda value: along(operands)(value).sum())
        return jax.grad(lambda value: first(value).sum())(operands[request.argument])

    programs = {
        "loss": request.forward, "gradient": gradient, "both": both, "tangent": tangent, "curvature": curvature,
        "forward": along_all, "second": second,
    }  # fmt: skip
    return programs[request.quantity]


def _pullback(request: Request) -> Program:
    """The loss and its pullback; under jit the function itself is compiled, as in a training step that calls it."""
    forward = jax.jit(request.forward) if request.mode == "compiled" else request.forward

    def run(operands: Operands) -> tuple[Tensor, Callable]:
        def function(*values: Tensor) -> Tensor:
            return forward({**operands, **dict(zip(request.along, values, strict=True))})

        result, pull = jax.vjp(function, *(operands[name] for name in request.along))
        return result, lambda cotangent: pull(cotangent.astype(result.dtype))

    return run


ADAPTER = Jax

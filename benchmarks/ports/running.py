"""A recipe is run in its framework, as it stands: its text is executed, and its function called."""

from __future__ import annotations

import importlib
import runpy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.ports.calls import HALVES, Wanted
from benchmarks.ports.inputs import Inputs, inputs

Floats = npt.NDArray[np.float64]
Ran = tuple[float, Floats]


def run(adapter: str, text: str, wanted: Wanted) -> Ran:
    """Loss and gradient of the recipe's function, the gradient in the layout of its logits."""
    given = inputs(wanted.shape, wanted.features)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.py"  # a file, for tf.function and torch.compile read the source
        path.write_text(text, encoding="utf-8")
        return _run(adapter, runpy.run_path(str(path)), given, wanted)


def _run(adapter: str, space: dict[str, Any], given: Inputs, wanted: Wanted) -> Ran:
    names = ("x", "z", *(name for name, feature in _NAMES.items() if wanted.has(feature)))
    return _RUNNERS[adapter](space["loss_of"], _operands(given, names, wanted), wanted.mode)


_NAMES = {"w": "weight", "q": "classes", "m": "mask"}


def _operands(given: Inputs, names: tuple[str, ...], wanted: Wanted) -> dict[str, tuple[Any, str]]:
    """The arrays by name, with the dtype of each: weights are float32 where the logits are narrower."""
    wide = "float32" if wanted.dtype in HALVES else wanted.dtype
    dtypes = {"x": wanted.dtype, "z": wanted.dtype, "m": "bool"}
    return {name: (getattr(given, name), dtypes.get(name, wide)) for name in names}


def _pytorch(function: Callable[..., Any], operands: dict[str, tuple[Any, str]], mode: str) -> Ran:
    torch = importlib.import_module("torch")
    x, *others = (torch.tensor(each).to(getattr(torch, dtype)) for each, dtype in operands.values())
    if mode == "func":
        gradient, loss = torch.func.grad_and_value(function)(x, *others)
    else:
        loss = function(x.requires_grad_(), *others)
        (gradient,) = torch.autograd.grad(loss, x)
    return float(loss.detach().double()), gradient.double().numpy()


def _tensorflow(function: Callable[..., Any], operands: dict[str, tuple[Any, str]], _: str) -> Ran:
    tf = importlib.import_module("tensorflow")
    x, *others = (tf.cast(tf.constant(each), dtype) for each, dtype in operands.values())
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = function(x, *others)
    gradient = tape.gradient(loss, x)
    return float(tf.cast(loss, tf.float64)), np.asarray(tf.cast(gradient, tf.float64))


def _jax(function: Callable[..., Any], operands: dict[str, tuple[Any, str]], _: str) -> Ran:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    x, *others = (jax.numpy.asarray(each).astype(dtype) for each, dtype in operands.values())
    loss, gradient = jax.value_and_grad(function)(x, *others)
    return float(loss), np.asarray(gradient).astype(np.float64)


_RUNNERS = {"pytorch": _pytorch, "tensorflow": _tensorflow, "jax": _jax}

"""What goes wrong on the way: scripts of one framework alone, whose output the page shows beside a port."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_HEADS = {
    "pytorch": "import torch\nimport torch.nn.functional as F\n",
    "tensorflow": "import tensorflow as tf\n",
    "jax": "import jax, jax.numpy as jnp, optax\n",
}
# The unreduced loss as it is called, {w} the place of a weight.
_UNREDUCED = {
    ("pytorch", "binary_cross_entropy_with_logits"): 'F.binary_cross_entropy_with_logits(x, z{w}, reduction="none")',
    ("tensorflow", "keras.losses.BinaryCrossentropy"): (
        'tf.keras.losses.BinaryCrossentropy(from_logits=True, reduction="none")(z, x{w})'
    ),
    ("tensorflow", "sigmoid_cross_entropy_with_logits"): "tf.nn.sigmoid_cross_entropy_with_logits(labels=z, logits=x)",
    ("tensorflow", "weighted_cross_entropy_with_logits"): (
        "tf.nn.weighted_cross_entropy_with_logits(labels=z, logits=x, pos_weight=1.0)"
    ),
    ("tensorflow", "compat.v1.losses.sigmoid_cross_entropy"): (
        'tf.compat.v1.losses.sigmoid_cross_entropy(z, x{w}, reduction="none")'
    ),
    ("jax", "optax.sigmoid_binary_cross_entropy"): "optax.losses.sigmoid_binary_cross_entropy(x, z)",
}
_WEIGHT = {
    "keras.losses.BinaryCrossentropy": ", sample_weight=w",
    "compat.v1.losses.sigmoid_cross_entropy": ", weights=w",
    "binary_cross_entropy_with_logits": ", weight=w",
}
_MAKE = {"pytorch": "torch.tensor({})", "tensorflow": "tf.constant({})", "jax": "jnp.array({})"}
_HALF = {"pytorch": "torch.bfloat16", "tensorflow": "tf.bfloat16", "jax": "jnp.bfloat16"}
_ONES = {"pytorch": "torch.ones({})", "tensorflow": "tf.ones({})", "jax": "jnp.ones({})"}
_SHAPE = "tuple(loss.shape)"


@dataclass(frozen=True)
class Trial:
    """One script."""

    name: str
    adapter: str
    implementation: str
    code: str


def trials() -> Iterator[Trial]:
    """Every script."""
    for (adapter, implementation), call in _UNREDUCED.items():
        for name, body in _bodies(adapter, implementation, call):
            yield Trial(name, adapter, implementation, _HEADS[adapter] + body)


def _bodies(adapter: str, implementation: str, call: str) -> Iterator[tuple[str, str]]:
    make, ones, half = _MAKE[adapter], _ONES[adapter], _HALF[adapter]
    plain = call.format(w="")
    yield "rank", (f"x, z = {ones.format('[2, 3, 4, 1]')}, {ones.format('[2, 3, 4]')}\nloss = {plain}\nprint({_SHAPE})")
    given = f"x, z = {make.format('[6.25], dtype=' + half)}, {make.format('[1.0], dtype=' + half)}"
    yield "half", _with_gradient(adapter, given, _one_each(plain, implementation))
    given = f"""x, z = {make.format('[float("-inf"), 1.0]')}, {make.format("[0.0, 1.0]")}"""
    yield "mask", _with_gradient(adapter, given, _one_each(plain, implementation))
    given = f"x, z = {make.format('[-1e4]')}, {make.format('[0.05]')}"
    yield "smoothed", _with_gradient(adapter, given, _one_each(plain, implementation))
    weight = _WEIGHT.get(implementation)
    if weight:
        picture = "[3, 1, 2, 3]" if adapter == "pytorch" else "[3, 2, 3, 1]"
        whole = "loss.numpy().reshape(3, -1).mean(1).tolist()"
        yield (
            "weight",
            (
                f"x, z = {ones.format(picture)}, {ones.format(picture)}\nw = {make.format('[1.0, 0.0, 0.0]')}\n"
                f"loss = {call.format(w=weight)}\nprint({whole})"
            ),
        )


def _one_each(call: str, implementation: str) -> str:
    """Keras averages over the last axis: one of length one leaves a loss for each element."""
    return call.replace("(z, x)", "(z[:, None], x[:, None])") if implementation.startswith("keras") else call


def _with_gradient(adapter: str, given: str, call: str) -> str:
    if adapter == "pytorch":
        return (
            f"{given}\nx.requires_grad_()\nloss = {call}\nloss.sum().backward()\nprint(loss.tolist(), x.grad.tolist())"
        )
    if adapter == "tensorflow":
        return (
            f"{given}\nwith tf.GradientTape() as tape:\n    tape.watch(x)\n    loss = {call}\n"
            "print(loss.numpy().tolist(), tape.gradient(loss, x).numpy().tolist())"
        )
    return (
        f"{given}\nloss, back = jax.vjp(lambda x: {call}, x)\n"
        "print(loss.tolist(), back(jnp.ones_like(loss))[0].tolist())"
    )


def printed(trial: Trial) -> str:
    """What the script prints, or the name of the error with which it ends."""
    done = subprocess.run([sys.executable, "-c", trial.code], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 0:
        return done.stdout.strip().splitlines()[-1]
    return re.findall(r"^(?:\w+\.)*(\w*(?:Error|Exception))\b", done.stderr, re.MULTILINE)[-1]

"""The calls that people port between, and the same loss written for each of them as a careful user would."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from benchmarks.ports.inputs import SHAPES, SMOOTHING

HALVES = ("float16", "bfloat16")
_WIDENED = "    x, z = tf.cast(x, tf.float32), tf.cast(z, tf.float32)"
_SMOOTHED = f"z * (1 - {SMOOTHING}) + {SMOOTHING} / 2"


@dataclass(frozen=True)
class Wanted:
    """One recipe: in which mode and dtype, for which shape, with what beside logits and labels."""

    mode: str
    dtype: str
    shape: str
    features: tuple[str, ...]

    def has(self, name: str) -> bool:
        """True if the feature is wanted."""
        return name in self.features

    @property
    def axes(self) -> str:
        """The axes as a reader writes them."""
        return f"[{', '.join(SHAPES[self.shape])}]"

    @property
    def column(self) -> str:
        """The index that makes a weight [N] pair with N."""
        return f"[:, {', '.join(['None'] * (len(SHAPES[self.shape]) - 1))}]"

    @property
    def signature(self) -> str:
        """The function's own line, with the shapes beside it."""
        names = {"weight": "w", "classes": "q", "mask": "m"}
        taken = ["x", "z", *(names[each] for each in self.features if each in names)]
        shapes = [f"x, z{', m' if self.has('mask') else ''}: {self.axes}"]
        shapes += ["w: [N]"] * self.has("weight") + ["q: [C]"] * self.has("classes")
        return f"def loss_of({', '.join(taken)}):  # {'; '.join(shapes)}"


@dataclass(frozen=True)
class Call:
    """A public function of a framework: its name in the records, its modes and layouts, and its recipe."""

    adapter: str
    implementation: str
    modes: tuple[str, ...]
    shapes: tuple[str, ...]
    lines: Callable[[Wanted], Iterator[str]]


def text(call: Call, wanted: Wanted) -> str:
    """The recipe: imports and one function ``loss_of``, which is what is run and what the page shows."""
    return "\n".join(call.lines(wanted)) + "\n"


def _pytorch(wanted: Wanted) -> Iterator[str]:
    yield from ("import torch", "import torch.nn.functional as F", "")
    if wanted.mode == "compiled":
        yield "@torch.compile"
    yield wanted.signature
    if wanted.mode == "autocast":
        yield f"    with torch.autocast(x.device.type, dtype=torch.{wanted.dtype}):  # the loss is computed in float32"
    pad = "    " * (2 if wanted.mode == "autocast" else 1)
    if wanted.dtype in HALVES and wanted.mode != "autocast":
        yield f"{pad}x, z = x.float(), z.float()  # else the loss is computed in {wanted.dtype}"
    if wanted.has("mask"):
        yield f"{pad}x = torch.where(m, x, 0.0)  # before the loss: 0 * NaN is NaN"
    if wanted.has("smoothing"):
        wide = "z.float()" if wanted.mode == "autocast" else "z"  # 0.95 has no room in half precision
        yield f"{pad}z = {wide}{_SMOOTHED[1:]}  # smooth the labels, not the loss"
    weight = f", weight=w{wanted.column}" if wanted.has("weight") else ""
    ratio = f", pos_weight=q{'[:, None, None]' if wanted.shape.endswith('first') else ''}" * wanted.has("classes")
    plain = f"F.binary_cross_entropy_with_logits(x, z{weight}{ratio}"
    if not wanted.has("mask"):
        yield f"{pad}return {plain})"
        return
    yield f'{pad}loss = {plain}, reduction="none")'
    yield f"{pad}return (loss * m).sum() / m.sum()"


def _keras(wanted: Wanted) -> Iterator[str]:
    wide = ', dtype="float64"' if wanted.dtype == "float64" else ""
    by_hand = wanted.has("classes") or wanted.has("mask")
    smoothing = f", label_smoothing={SMOOTHING}" if wanted.has("smoothing") and not wanted.has("classes") else ""
    reduction = ', reduction="none"' if by_hand else ""
    yield from ("import tensorflow as tf", "")
    yield f"bce = tf.keras.losses.BinaryCrossentropy(from_logits=True{smoothing}{reduction}{wide})"
    yield from ("", *_decorated(wanted), wanted.signature)
    if wanted.dtype in HALVES and by_hand:
        yield _WIDENED
    if not by_hand:
        column = wanted.column.replace(", None", "", 1) if wanted.shape != "multilabel" else ""
        weight = f", sample_weight=w{column}" if wanted.has("weight") else ""
        yield f"    return bce(z, x{weight})  # labels first" + _pairing(wanted)
        return
    yield from _tensorflow_body(wanted, "bce({z}[..., None], x[..., None])", smoothed=bool(smoothing))


def _pairing(wanted: Wanted) -> str:
    if not wanted.has("weight") or wanted.shape == "multilabel":
        return ""
    return f"; its losses are [{', '.join(SHAPES[wanted.shape][:-1])}], so that a plain w would pair with W"


def _sigmoid(wanted: Wanted) -> Iterator[str]:
    yield from ("import tensorflow as tf", "", *_decorated(wanted), wanted.signature)
    if wanted.dtype in HALVES:
        yield f"{_WIDENED}  # else the loss is computed in {wanted.dtype}"
    yield from _tensorflow_body(wanted, "tf.nn.sigmoid_cross_entropy_with_logits(labels={z}, logits=x)")


def _weighted(wanted: Wanted) -> Iterator[str]:
    yield from ("import tensorflow as tf", "", *_decorated(wanted), wanted.signature)
    if wanted.dtype in HALVES:
        yield f"{_WIDENED}  # else the loss is computed in {wanted.dtype}"
    ratio = "q" if wanted.has("classes") else "1.0"
    call = "tf.nn.weighted_cross_entropy_with_logits(labels={z}, logits=x, pos_weight=" + ratio + ")"
    yield from _tensorflow_body(wanted, call, has_ratio=True)


def _v1(wanted: Wanted) -> Iterator[str]:
    yield from ("import tensorflow as tf", "", *_decorated(wanted), wanted.signature)
    if wanted.dtype in HALVES:
        yield f"{_WIDENED}  # else the losses are rounded to {wanted.dtype}"
    smoothing = f", label_smoothing={SMOOTHING}" if wanted.has("smoothing") and not wanted.has("classes") else ""
    if wanted.has("classes") or wanted.has("mask"):
        reduction = "reduction=tf.compat.v1.losses.Reduction.NONE"
        call = "tf.compat.v1.losses.sigmoid_cross_entropy({z}, x" + f"{smoothing}, {reduction})"
        yield from _tensorflow_body(wanted, call, smoothed=bool(smoothing))
        return
    weight = f", weights=w{wanted.column}" if wanted.has("weight") else ""
    yield "    mean = tf.compat.v1.losses.Reduction.SUM_OVER_BATCH_SIZE  # the default divides by the non-zero weights"
    yield f"    return tf.compat.v1.losses.sigmoid_cross_entropy(z, x{weight}{smoothing}, reduction=mean)"


def _decorated(wanted: Wanted) -> Iterator[str]:
    if wanted.mode in ("graph", "xla"):
        yield "@tf.function(jit_compile=True)" if wanted.mode == "xla" else "@tf.function"


def _tensorflow_body(wanted: Wanted, call: str, smoothed: bool = False, has_ratio: bool = False) -> Iterator[str]:
    """From masked logits to the mean, with a call of which {z} is the label."""
    if wanted.has("mask"):
        yield "    x = tf.where(m, x, tf.zeros_like(x))  # before the loss: 0 * NaN is NaN"
    if wanted.has("smoothing") and not smoothed:
        yield f"    z = {_SMOOTHED}  # smooth the labels, not the loss"
    yield from _reduced(
        wanted, call, has_ratio, ("tf.ones_like(z)", "tf.zeros_like(z)"), "tf.reduce_mean", "tf.reduce_sum"
    )


def _reduced(
    wanted: Wanted, call: str, has_ratio: bool, labels: tuple[str, str], mean: str, total: str
) -> Iterator[str]:
    if wanted.has("classes") and not has_ratio:
        yield f"    positive, negative = {call.format(z=labels[0])}, {call.format(z=labels[1])}"
        yield "    loss = q * z * positive + (1 - z) * negative  # pos_weight, written out"
    else:
        yield f"    loss = {call.format(z='z')}"
    weighted = f"w{wanted.column} * loss" if wanted.has("weight") else "loss"
    if not wanted.has("mask"):
        yield f"    return {mean}({weighted})"
        return
    kept = "tf.cast(m, loss.dtype)" if mean.startswith("tf") else "m"
    yield f"    m = {kept}" if kept != "m" else "    # where m is False the loss is that of logit 0, and counts nothing"
    yield f"    return {total}({weighted} * m) / {total}(m)"


def _optax(wanted: Wanted) -> Iterator[str]:
    yield from ("import jax", "import jax.numpy as jnp", "import optax", "")
    if wanted.dtype == "float64":
        yield from ('jax.config.update("jax_enable_x64", True)', "")
    if wanted.mode == "compiled":
        yield "@jax.jit"
    yield wanted.signature
    if wanted.dtype in HALVES:
        yield f"    x, z = x.astype(jnp.float32), z.astype(jnp.float32)  # else the loss is computed in {wanted.dtype}"
    if wanted.has("mask"):
        yield "    x = jnp.where(m, x, 0.0)  # before the loss: 0 * NaN is NaN"
    if wanted.has("smoothing"):
        yield f"    z = {_SMOOTHED}  # smooth the labels, not the loss"
    labels = ("jnp.ones_like(z)", "jnp.zeros_like(z)")
    call = "optax.losses.sigmoid_binary_cross_entropy(x, {z})"
    yield from _reduced(wanted, call, has_ratio=False, labels=labels, mean="jnp.mean", total="jnp.sum")


_LAST = ("multilabel", "last", "one")
_PYTORCH = ("eager", "compiled", "func", "autocast")
_TENSORFLOW = ("eager", "graph", "xla")
CALLS = (
    Call("tensorflow", "keras.losses.BinaryCrossentropy", _TENSORFLOW, _LAST, _keras),
    Call("tensorflow", "sigmoid_cross_entropy_with_logits", _TENSORFLOW, _LAST, _sigmoid),
    Call("tensorflow", "weighted_cross_entropy_with_logits", _TENSORFLOW, _LAST, _weighted),
    Call("tensorflow", "compat.v1.losses.sigmoid_cross_entropy", _TENSORFLOW, _LAST, _v1),
    Call("pytorch", "binary_cross_entropy_with_logits", _PYTORCH, tuple(SHAPES), _pytorch),
    Call("jax", "optax.sigmoid_binary_cross_entropy", ("eager", "compiled"), _LAST, _optax),
)  # fmt: skip


def all_wanted(call: Call, dtypes: Collection[str], features: Collection[tuple[str, ...]]) -> Iterator[Wanted]:
    """Every recipe of a call that makes sense."""
    for mode in call.modes:
        for dtype in dtypes:
            if mode == "autocast" and dtype not in HALVES:
                continue
            if mode == "compiled" and call.adapter == "pytorch" and dtype != "float32":
                continue  # each is a program of C++
            for shape in call.shapes:
                for chosen in features:
                    if not (shape in ("one", "onefirst") and "classes" in chosen):
                        yield Wanted(mode, dtype, shape, chosen)

"""Where in a framework's public source a function or a deviation is: file and line at the released tag.

Lines are looked up in the installed package, whose Python files are those of the tag. C++ is not installed: there the
file is named, and no line.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.records.record import Record

_TAGS = {
    "torch": ("https://github.com/pytorch/pytorch/blob/v{}/", "torch"),
    "tensorflow": ("https://github.com/tensorflow/tensorflow/blob/v{}/", "tensorflow"),
    "keras": ("https://github.com/keras-team/keras/blob/v{}/", "keras"),
    "optax": ("https://github.com/google-deepmind/optax/blob/v{}/", "optax"),
}


@dataclass(frozen=True)
class Place:
    """A file of a package, what to look for in it, one after the other, and what stands there."""

    adapter: str
    implementations: tuple[str, ...]
    path: str
    marks: tuple[str, ...]
    told: str
    deviations: tuple[str, ...] = ()


_FUNCTIONAL, _LOSS, _DECOMPOSED = (
    "torch/nn/functional.py",
    "aten/src/ATen/native/Loss.cpp",
    "torch/_decomp/decompositions.py",
)
_BCE = ("binary_cross_entropy_with_logits", "BCEWithLogitsLoss")
_PROBABILITIES = ("functional.binary_cross_entropy", "BCELoss")
_NN, _KERAS, _OPTAX = (
    "tensorflow/python/ops/nn_impl.py",
    "keras/src/losses/losses.py",
    "optax/losses/_classification.py",
)
_V1, _LOSSES = "tensorflow/python/ops/losses/losses_impl.py", "keras/src/losses/loss.py"
_TORCH, _TF = "pytorch", "tensorflow"
_FUNCTION, _COMPILED = "the function", "what torch.compile puts in its place"
_EAGER = "what it computes in eager mode, and its derivative (C++)"
_MODES = {_EAGER: ("eager", "autocast"), _COMPILED: ("compiled",)}
PLACES = (
    Place(_TORCH, _BCE, _FUNCTIONAL, ("def binary_cross_entropy_with_logits(",), _FUNCTION),
    Place(_TORCH, _BCE, _LOSS, (), _EAGER),
    Place(_TORCH, _BCE, _DECOMPOSED, ("def binary_cross_entropy_with_logits(",), _COMPILED),
    Place(_TORCH, _PROBABILITIES, _FUNCTIONAL, ("def binary_cross_entropy(",), _FUNCTION),
    Place(_TORCH, _PROBABILITIES, _LOSS, (), _EAGER),
    Place(_TORCH, ("soft_margin_loss",), _FUNCTIONAL, ("def soft_margin_loss(",), _FUNCTION),
    Place(_TORCH, ("soft_margin_loss",), _LOSS, (), _EAGER),
    Place(_TORCH, ("soft_margin_loss",), _DECOMPOSED, ("def soft_margin_loss(",), _COMPILED),
    Place(_TORCH, ("multilabel_soft_margin_loss",), _FUNCTIONAL, ("def multilabel_soft_margin_loss(",), _FUNCTION),
    Place(_TORCH, ("Bernoulli.log_prob", "Bernoulli(probs).log_prob"), "torch/distributions/bernoulli.py",
          ("def log_prob(",), "the method"),
    Place(_TORCH, (), _DECOMPOSED, ("def binary_cross_entropy_with_logits(", "loss = loss.to(target.dtype)"),
          "the cast to the dtype of the labels", ("integer-labels-truncate",)),
    Place(_TORCH, (), _DECOMPOSED, ("def binary_cross_entropy_with_logits(", "F.logsigmoid(self)"),
          "log_sigmoid of integer logits", ("integer-logits-truncate",)),
    Place(_TORCH, (), _DECOMPOSED, ("def soft_margin_loss_backward(",), "the backward",
          ("compiled-soft-margin-gradient",)),
    Place(_TORCH, (), "torch/distributions/utils.py", ("def clamp_probs(",), "the clip",
          ("bernoulli-clips-probabilities",)),
    Place(_TF, ("sigmoid_cross_entropy_with_logits",), _NN, ("def sigmoid_cross_entropy_with_logits(",), _FUNCTION),
    Place(_TF, ("weighted_cross_entropy_with_logits",), _NN, ("def weighted_cross_entropy_with_logits_v2(",),
          _FUNCTION),
    Place(_TF, ("compat.v1.losses.sigmoid_cross_entropy",), _V1,
          ("def sigmoid_cross_entropy(",), _FUNCTION),
    Place(_TF, ("keras.losses.BinaryCrossentropy", "keras.losses.BinaryCrossentropy(from_logits=False)"), _KERAS,
          ("class BinaryCrossentropy(",), "the class"),
    Place(_TF, ("keras.losses.BinaryFocalCrossentropy",), _KERAS, ("class BinaryFocalCrossentropy(",), "the class"),
    Place(_TF, (), _LOSSES, ("def reduce_values(",), "the sum and its division",
          ("keras-half-mean-overflows", "nothing-summed")),
    Place(_TF, (), _LOSSES, ("def squeeze_or_expand_to_same_rank(",), "what is squeezed",
          ("keras-shapes-unknown-while-tracing",)),
    Place(_TF, (), _V1, ("def compute_weighted_loss(",),
          "the cast", ("v1-losses-cast-to-float32",)),
    Place("jax", ("optax.sigmoid_binary_cross_entropy",), _OPTAX, ("def sigmoid_binary_cross_entropy(",), _FUNCTION),
    Place("jax", ("optax.sigmoid_focal_loss",), _OPTAX, ("def sigmoid_focal_loss(",), _FUNCTION),
)  # fmt: skip


def sources() -> Iterator[Record]:
    """A record for each place and implementation; raises LookupError where a mark is not found."""
    for place in PLACES:
        package = place.path.split("/")[0] if place.marks else "torch"
        base, name = _TAGS[package]
        version = _version(name)
        line = _line(place) if place.marks else 0
        for implementation in place.implementations or ("",):
            yield {
                "record": "source", "adapter": place.adapter, "implementation": implementation,
                "deviations": list(place.deviations), "modes": list(_MODES.get(place.told, ())), "told": place.told,
                "place": f"{place.path}{f', line {line}' if line else ''}, at {version}",
                "url": base.format(version) + place.path + (f"#L{line}" if line else ""),
            }  # fmt: skip


def _version(name: str) -> str:
    """Of a distribution, or of its build for the CPU."""
    try:
        return importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return importlib.metadata.version(f"{name}-cpu").split("+")[0]


def _line(place: Place) -> int:
    package, _, rest = place.path.partition("/")
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise LookupError(f"{package} is not installed")
    lines = (Path(found.origin).parent / rest).read_text(encoding="utf-8").splitlines()
    at = 0
    for mark in place.marks:
        at = next((number for number, line in enumerate(lines) if number >= at and mark in line), -1)
        if at < 0:
            raise LookupError(f"{place.path} has no {mark!r}")
    return at + 1

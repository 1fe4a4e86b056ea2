"""Keras 3 on any of its backends. The backend is chosen for a whole process, before Keras is imported."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from conformance.adapter import Clamp, Implementation, Reduction

API = "https://keras.io/api/losses/probabilistic_losses/#"
REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum"),
    "mean": Reduction("sum_over_batch_size", divisor="numel"),
    "mean_by_weight": Reduction("mean_with_sample_weight", divisor="sum_of_weights"),
}
OPS_REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum", wrap="keras.ops.sum({})"),
    "mean": Reduction("mean", divisor="numel", wrap="keras.ops.mean({})"),
}
# keras.backend.epsilon: "the fuzz factor used in numeric expressions", 1e-7 unless set to another value. A loss clips
# its probabilities to [epsilon, 1 - epsilon]; its own documentation leaves that unsaid, and is granted it.
CLAMP = Clamp("probability", "1e-7")


def imported_with(backend: str) -> Any:
    """The module keras. Raises ImportError where it runs on another backend in this process."""
    os.environ["KERAS_BACKEND"] = backend
    import keras

    if keras.backend.backend() != backend:
        raise ImportError(f"Keras runs on {keras.backend.backend()} in this process already")
    return keras


def implementations(keras: Any) -> tuple[Implementation, ...]:
    """The losses, in the order of the report."""
    dtype_of = keras.backend.standardize_dtype

    def loss(made: type, careful: bool, **options: Any) -> Callable[..., Any]:
        """Called with a last axis of one, over which it averages; a careful call names the dtype of its input."""

        def function(logits, labels, *, weight=None, reduction="none", label_smoothing=0.0):
            spelled = REDUCTIONS[reduction].spelled if reduction in REDUCTIONS else reduction
            dtype = {"dtype": dtype_of(logits.dtype)} if careful else {}
            loss = made(from_logits=True, label_smoothing=label_smoothing, reduction=spelled, **dtype, **options)
            return loss(labels[..., None], logits[..., None], sample_weight=weight)

        return function

    def of_probabilities(probabilities, labels, *, weight=None, reduction="none"):
        spelled = REDUCTIONS[reduction].spelled if reduction in REDUCTIONS else reduction
        loss = keras.losses.BinaryCrossentropy(reduction=spelled, dtype=dtype_of(probabilities.dtype))
        return loss(labels[..., None], probabilities[..., None], sample_weight=weight)

    def reduced(loss: Any, reduction: str) -> Any:
        made = {"none": lambda: loss, "sum": lambda: keras.ops.sum(loss), "mean": lambda: keras.ops.mean(loss)}
        return made[reduction]()

    def operation(logits, labels, *, reduction="none"):
        return reduced(keras.ops.binary_crossentropy(labels, logits, from_logits=True), reduction)

    def operation_of_probabilities(probabilities, labels, *, reduction="none"):
        return reduced(keras.ops.binary_crossentropy(labels, probabilities), reduction)

    call = '{more}, reduction="{reduction}", dtype=keras.backend.standardize_dtype(x.dtype))'
    shape = "called with the dtype of its input, and with a last axis of length one, over which it averages"
    common: dict[str, Any] = {
        "spelling": {"label_smoothing": ", label_smoothing={a}"},
        "call_spelling": {"weight": ", sample_weight=w"},
        "reductions": REDUCTIONS,
        "same_rank_weights": True,
    }
    return (
        Implementation(
            "losses.BinaryCrossentropy",
            "keras.losses.BinaryCrossentropy",
            loss(keras.losses.BinaryCrossentropy, careful=True),
            f"{API}binarycrossentropy-class",
            f"keras.losses.BinaryCrossentropy(from_logits=True{call}(z[..., None], x[..., None]{{call}})",
            note=shape,
            plain=loss(keras.losses.BinaryCrossentropy, careful=False),
            **common,
        ),
        Implementation(
            "losses.BinaryFocalCrossentropy",
            "keras.losses.BinaryFocalCrossentropy",
            loss(keras.losses.BinaryFocalCrossentropy, careful=True, gamma=0.0),
            f"{API}binaryfocalcrossentropy-class",
            "keras.losses.BinaryFocalCrossentropy(gamma=0.0, from_logits=True"
            f"{call}(z[..., None], x[..., None]{{call}})",
            note=f"gamma=0, where focal loss is the cross-entropy; {shape}",
            plain=loss(keras.losses.BinaryFocalCrossentropy, careful=False, gamma=0.0),
            **common,
        ),
        Implementation(
            "ops.binary_crossentropy",
            "keras.ops.binary_crossentropy",
            operation,
            "https://keras.io/api/ops/nn/#binary_crossentropy-function",
            "keras.ops.binary_crossentropy(z, x, from_logits=True)",
            reductions=OPS_REDUCTIONS,
            note="reduced with keras.ops.sum and keras.ops.mean",
        ),
        Implementation(
            "losses.BinaryCrossentropy(from_logits=False)",
            "keras.losses.BinaryCrossentropy",
            of_probabilities,
            f"{API}binarycrossentropy-class",
            'keras.losses.BinaryCrossentropy(reduction="{reduction}", dtype=keras.backend.standardize_dtype(p.dtype))'
            "(z[..., None], p[..., None]{call})",
            **{**common, "spelling": {}},
            takes="probabilities",
            clamp=CLAMP,
            note=f"clips to [epsilon, 1 - epsilon], epsilon 1e-7; {shape}",
        ),
        Implementation(
            "ops.binary_crossentropy(from_logits=False)",
            "keras.ops.binary_crossentropy",
            operation_of_probabilities,
            "https://keras.io/api/ops/nn/#binary_crossentropy-function",
            "keras.ops.binary_crossentropy(z, p)",
            reductions=OPS_REDUCTIONS,
            takes="probabilities",
            clamp=CLAMP,
            note="clips to [epsilon, 1 - epsilon], epsilon 1e-7; reduced with keras.ops.sum and keras.ops.mean",
        ),
    )

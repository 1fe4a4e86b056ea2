"""TensorFlow: eager, tf.function, XLA and a v1 Session, on the CPU and CUDA."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read once, when the runtime loads

import numpy as np
import tensorflow as tf

from conformance.adapter import (
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
    Supported,
    Switch,
    Tensor,
    strided,
)

tf.get_logger().setLevel("ERROR")  # that each new program is a retracing is what the suite is here for
API = "https://www.tensorflow.org/api_docs/python/tf/"
REDUCED = {
    "none": Reduction("none"),
    "sum": Reduction("sum", wrap="tf.reduce_sum({})"),
    "mean": Reduction("mean", divisor="numel", wrap="tf.reduce_mean({})"),
}
V1_REDUCTIONS = {
    "none": Reduction("NONE"),
    "sum": Reduction("SUM"),
    "mean": Reduction("SUM_OVER_BATCH_SIZE", divisor="numel"),
    "mean_by_weight": Reduction("MEAN", divisor="sum_of_weights"),
    "mean_by_nonzero_weight": Reduction("SUM_BY_NONZERO_WEIGHTS", divisor="nonzero_weights"),
}
KERAS_REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum"),
    "mean": Reduction("sum_over_batch_size", divisor="numel"),
    "mean_by_weight": Reduction("mean_with_sample_weight", divisor="sum_of_weights"),
}
KERAS = metadata.version("keras")
# Keras 2 has neither that reduction nor a dtype: it computes in the dtype of what it is given.
_KERAS_2 = KERAS.startswith("2.")
if _KERAS_2:
    del KERAS_REDUCTIONS["mean_by_weight"]
_OF_LOGITS, _OF_PROBABILITIES = ("", "") if _KERAS_2 else (", dtype=x.dtype.name", ", dtype=p.dtype.name")


# keras.backend.epsilon: "the fuzz factor used in numeric expressions", 1e-7 unless set to another value. The loss clips
# its probabilities to [epsilon, 1 - epsilon]; its own documentation leaves that unsaid, and is granted it.
KERAS_CLAMP = Clamp("probability", "1e-7")


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    """The framework's own reduction of an operator that has none."""
    return {"none": lambda: loss, "sum": lambda: tf.reduce_sum(loss), "mean": lambda: tf.reduce_mean(loss)}[reduction]()


def sigmoid_cross_entropy_with_logits(logits, labels):
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)


def weighted_cross_entropy_with_logits(logits, labels, *, pos_weight=None):
    weight = 1.0 if pos_weight is None else pos_weight
    return tf.nn.weighted_cross_entropy_with_logits(labels=labels, logits=logits, pos_weight=weight)


def v1_losses_sigmoid_cross_entropy(logits, labels, *, weight=None, reduction="none", label_smoothing=0.0):
    spelled = V1_REDUCTIONS[reduction].spelled if reduction in V1_REDUCTIONS else reduction
    return tf.compat.v1.losses.sigmoid_cross_entropy(
        labels,
        logits,
        weights=1.0 if weight is None else weight,
        label_smoothing=label_smoothing,
        reduction=getattr(tf.compat.v1.losses.Reduction, spelled, spelled),
    )


def _keras(loss: type, careful: bool, **options: Any) -> Callable[..., Tensor]:
    """A Keras loss, called with a last axis of one, for that axis is averaged before any reduction.

    A careful call names the dtype of the logits; one without it is computed in floatx. Mixed precision is no mode here:
    a global policy (mixed_float16, mixed_bfloat16) is for layers, and changes no bit of a loss.
    """

    def function(logits, labels, *, weight=None, reduction="none", label_smoothing=0.0):
        spelled = KERAS_REDUCTIONS[reduction].spelled if reduction in KERAS_REDUCTIONS else reduction
        dtype = {"dtype": logits.dtype.name} if careful and not _KERAS_2 else {}
        made = loss(from_logits=True, label_smoothing=label_smoothing, reduction=spelled, **dtype, **options)
        return made(labels[..., None], logits[..., None], sample_weight=weight)

    return function


def keras_binary_crossentropy_of_probabilities(probabilities, labels, *, weight=None, reduction="none"):
    spelled = KERAS_REDUCTIONS[reduction].spelled if reduction in KERAS_REDUCTIONS else reduction
    # A Keras loss computes in floatx unless it is told the dtype of what it is given.
    dtype = {} if _KERAS_2 else {"dtype": probabilities.dtype.name}
    loss = tf.keras.losses.BinaryCrossentropy(reduction=spelled, **dtype)
    return loss(labels[..., None], probabilities[..., None], sample_weight=weight)


def stepwise_formula(logits, labels):
    zeros = tf.zeros_like(logits)
    positive = logits >= zeros
    relu = tf.where(positive, logits, zeros)
    negative_abs = tf.where(positive, -logits, logits)
    return tf.math.add(relu - logits * labels, tf.math.log1p(tf.exp(negative_abs)))


def textbook_formula(logits, labels):
    p = tf.sigmoid(logits)
    return -(labels * tf.math.log(p) + (1 - labels) * tf.math.log(1 - p))


def _with_reduction(function: Callable[..., Tensor], weighted: bool = False) -> Callable[..., Tensor]:
    """Give an elementwise operator the keyword ``reduction``: tf.reduce_sum or tf.reduce_mean of its result."""
    if weighted:

        def reduced_weighted(logits, labels, *, pos_weight=None, reduction="none"):
            return _reduced(function(logits, labels, pos_weight=pos_weight), reduction)

        return reduced_weighted

    def reduced(logits, labels, *, reduction="none"):
        return _reduced(function(logits, labels), reduction)

    return reduced


def _documented(function: str, rest: str) -> Supported:
    punctuation = ". " if rest[0].isupper() else ", "
    sentence = f"logits: A `Tensor` of type `float32` or `float64`{punctuation}{rest}"
    return Supported(("float64", "float32"), sentence, f"{API}nn/{function}", "2026-11-26")


IMPLEMENTATIONS = (
    Implementation(
        "sigmoid_cross_entropy_with_logits",
        "tf.nn.sigmoid_cross_entropy_with_logits",
        _with_reduction(sigmoid_cross_entropy_with_logits),
        f"{API}nn/sigmoid_cross_entropy_with_logits",
        "tf.nn.sigmoid_cross_entropy_with_logits(labels=z, logits=x)",
        reductions=REDUCED,
        note="reduced with tf.reduce_sum and tf.reduce_mean",
        supports=_documented("sigmoid_cross_entropy_with_logits", "Any real number."),
    ),
    Implementation(
        "weighted_cross_entropy_with_logits",
        "tf.nn.weighted_cross_entropy_with_logits",
        _with_reduction(weighted_cross_entropy_with_logits, weighted=True),
        f"{API}nn/weighted_cross_entropy_with_logits",
        "tf.nn.weighted_cross_entropy_with_logits(labels=z, logits=x{more})",
        spelling={"pos_weight": ", pos_weight=q"},
        absent={"pos_weight": ", pos_weight=1.0"},
        reductions=REDUCED,
        note="reduced with tf.reduce_sum and tf.reduce_mean",
        supports=_documented("weighted_cross_entropy_with_logits", "any real numbers."),
    ),
    Implementation(
        "compat.v1.losses.sigmoid_cross_entropy",
        "tf.compat.v1.losses.sigmoid_cross_entropy",
        v1_losses_sigmoid_cross_entropy,
        f"{API}compat/v1/losses/sigmoid_cross_entropy",
        "tf.compat.v1.losses.sigmoid_cross_entropy(z, x{more}, reduction=tf.compat.v1.losses.Reduction.{reduction})",
        spelling={"weight": ", weights=w", "label_smoothing": ", label_smoothing={a}"},
        reductions=V1_REDUCTIONS,
        same_rank_weights=True,
    ),
    Implementation(
        "keras.losses.BinaryCrossentropy",
        "tf.keras.losses.BinaryCrossentropy",
        _keras(tf.keras.losses.BinaryCrossentropy, careful=True),
        "https://keras.io/api/losses/probabilistic_losses/#binarycrossentropy-class",
        f"tf.keras.losses.BinaryCrossentropy(from_logits=True{_OF_LOGITS}{{more}}, "
        'reduction="{reduction}")(z[..., None], x[..., None]{call})',
        spelling={"label_smoothing": ", label_smoothing={a}"},
        call_spelling={"weight": ", sample_weight=w"},
        reductions=KERAS_REDUCTIONS,
        same_rank_weights=True,
        note="called with the dtype of the logits, and with a last axis of length one, over which it averages",
        plain=None if _KERAS_2 else _keras(tf.keras.losses.BinaryCrossentropy, careful=False),
    ),
    Implementation(
        "keras.losses.BinaryFocalCrossentropy",
        "tf.keras.losses.BinaryFocalCrossentropy",
        _keras(tf.keras.losses.BinaryFocalCrossentropy, careful=True, gamma=0.0),
        "https://keras.io/api/losses/probabilistic_losses/#binaryfocalcrossentropy-class",
        f"tf.keras.losses.BinaryFocalCrossentropy(gamma=0.0, from_logits=True{_OF_LOGITS}{{more}}, "
        'reduction="{reduction}")(z[..., None], x[..., None]{call})',
        spelling={"label_smoothing": ", label_smoothing={a}"},
        call_spelling={"weight": ", sample_weight=w"},
        reductions=KERAS_REDUCTIONS,
        same_rank_weights=True,
        note="gamma=0, where focal loss is the cross-entropy; called as BinaryCrossentropy is",
        plain=None if _KERAS_2 else _keras(tf.keras.losses.BinaryFocalCrossentropy, careful=False, gamma=0.0),
    ),
    Implementation(
        "keras.losses.BinaryCrossentropy(from_logits=False)",
        "tf.keras.losses.BinaryCrossentropy",
        keras_binary_crossentropy_of_probabilities,
        "https://keras.io/api/losses/probabilistic_losses/#binarycrossentropy-class",
        f'tf.keras.losses.BinaryCrossentropy(reduction="{{reduction}}"{_OF_PROBABILITIES})'
        "(z[..., None], p[..., None]{call})",
        call_spelling={"weight": ", sample_weight=w"},
        reductions=KERAS_REDUCTIONS,
        same_rank_weights=True,
        takes="probabilities",
        clamp=KERAS_CLAMP,
        note="clips to [epsilon, 1 - epsilon], epsilon 1e-7; called with the dtype of the probabilities and a last "
        "axis of length one, over which it averages",
    ),
    Implementation(
        "stepwise formula",
        "tf.where, tf.math.log1p, tf.math.add",
        _with_reduction(stepwise_formula),
        f"{API}nn/sigmoid_cross_entropy_with_logits",
        "tf.math.add(tf.where(x >= 0, x, tf.zeros_like(x)) - x * z, tf.math.log1p(tf.exp(tf.where(x >= 0, -x, x))))",
        reductions=REDUCED,
        note="the source of tf.nn.sigmoid_cross_entropy_with_logits, spelled out",
        role="composition",
    ),
    Implementation(
        "textbook formula",
        "tf.sigmoid, tf.math.log",
        _with_reduction(textbook_formula),
        f"{API}sigmoid",
        "-(z * tf.math.log(tf.sigmoid(x)) + (1 - z) * tf.math.log(1 - tf.sigmoid(x)))",
        reductions=REDUCED,
        note="on probabilities, as in textbooks: the control that has to be caught",
        role="control",
    ),
)


@dataclass(frozen=True)
class SessionResult:
    """What a v1 Session returned, and the device that computed it."""

    array: Array
    device: str


class TensorFlow(Adapter):
    """The adapter."""

    name = "tensorflow"
    packages = ("tensorflow", "keras")
    imports = ("import tensorflow as tf", "from math import inf, nan")
    modes = ("eager", "graph", "xla", "session")
    quantities = (*Adapter.quantities, "pullback", "forward", "second")
    tangents = OPERANDS
    compiles_each_shape = ("xla",)
    compiles_slowly = ("graph", "xla", "session")  # each is traced for every dtype and rank, with gradients anew
    layouts = LAYOUTS[:5]  # dense tensors have no memory format
    keeps_memory = True

    def __init__(self) -> None:
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS

    def versions(self) -> dict[str, str]:
        return {"tensorflow": tf.__version__, "keras": KERAS}

    def devices(self) -> tuple[str, ...]:
        return ("cpu", "gpu") if tf.config.list_physical_devices("GPU") else ("cpu",)

    def functions(self) -> Mapping[str, Callable]:
        return {
            "tensor": lambda values: tf.constant(values, tf.float32), "relu": tf.nn.relu, "abs": tf.abs,
            "exp": tf.exp, "log1p": tf.math.log1p, "mean": tf.reduce_mean,
        }  # fmt: skip

    def ambient(self) -> Mapping[str, Switch]:
        threading = tf.config.threading
        return {
            "TF_ENABLE_ONEDNN_OPTS=0": Switch(environment={"TF_ENABLE_ONEDNN_OPTS": "0"}),
            "enable_op_determinism()": Switch(tf.config.experimental.enable_op_determinism),
            "set_intra_op_parallelism_threads(1)": Switch(lambda: threading.set_intra_op_parallelism_threads(1)),
            "enable_tensor_float_32_execution(False)": Switch(
                lambda: tf.config.experimental.enable_tensor_float_32_execution(False)
            ),
            "keras set_floatx(float64)": Switch(lambda: tf.keras.backend.set_floatx("float64")),
            "keras set_global_policy(mixed_float16)": Switch(
                lambda: tf.keras.mixed_precision.set_global_policy("mixed_float16")
            ),
            "experimental_enable_numpy_behavior()": Switch(tf.experimental.numpy.experimental_enable_numpy_behavior),
        }

    def threads(self) -> int:
        return int(tf.config.threading.get_intra_op_parallelism_threads())

    def set_threads(self, count: int) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(count)

    def wait(self, result: Tensor) -> None:
        if self.device_of(result) == "gpu" and not isinstance(result, SessionResult):
            tf.test.experimental.sync_devices()

    def peak_memory(self, call: Callable[[], Any]) -> int | None:
        tf.config.experimental.reset_memory_stats("GPU:0")
        before = tf.config.experimental.get_memory_info("GPU:0")["current"]
        call()
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] - before

    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        with tf.device(f"/{device.upper()}:0"):
            if layout == "contiguous":
                return tf.identity(tf.constant(array))
            if layout == "expanded":
                return tf.broadcast_to(tf.constant(array[:1]), array.shape)
            base, view = strided(array, layout)
            tensor = tf.constant(base)
            return tf.transpose(tensor, view) if layout == "transposed" else tensor[view]

    def fetch(self, tensor: Tensor) -> Array:
        return tensor.array if isinstance(tensor, SessionResult) else tensor.numpy()

    def is_plain(self, tensor: Tensor) -> bool:
        return isinstance(tensor, SessionResult) or type(tensor).__module__.startswith(("tensorflow.", "numpy"))

    def device_of(self, tensor: Tensor) -> str:
        return "gpu" if "GPU" in tensor.device.upper() else "cpu"

    def program(self, request: Request) -> Program:
        if request.mode == "session":
            return _session(request)
        if request.quantity == "pullback":
            forward = _placed(request.forward, request.argument)
            return _pullback(request, forward if request.mode == "eager" else _traced(forward, request.mode == "xla"))
        program = _placed(_eager(request), request.argument)
        if request.mode == "eager":
            return program
        return _traced(program, request.mode == "xla")

    def literal(self, values: str, dtype: str, device: str) -> str:
        return f"tf.constant({values}, tf.{'string' if dtype.startswith('<U') else dtype})"

    def setup(self, request: Request) -> tuple[str, ...]:
        return ("tf.compat.v1.disable_eager_execution()",) if request.mode == "session" else ()

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        if request.mode == "session":
            return _session_script(request, has_cotangent)
        cotangent = "c" if has_cotangent else "None"
        lines = tuple(line.replace("{cotangent}", cotangent) for line in _SCRIPTS[request.quantity])
        if request.mode == "eager":
            return lines
        if request.quantity == "curvature":
            lines = ("def g({args}): return tf.gradients(tf.gradients(f({args}), {wrt})[0], {wrt})[0]", "")
        compiled = ", jit_compile=True" if request.mode == "xla" else ""
        specs = "[tf.TensorSpec([None] * t.shape.rank, t.dtype) for t in ({args})]"
        return (*lines[:-1], f"run = tf.function(g, input_signature={specs}{compiled})", "print(run({args}).numpy())")


def _placed(function: Program, argument: str) -> Program:
    def run(operands: Operands) -> Tensor:
        with tf.device(operands[argument].device):
            return function(operands)

    return run


def _traced(program: Program, compiled: bool) -> Program:
    """tf.function with every dimension unknown, as batches of a tf.data pipeline have it."""

    @functools.cache
    def function(signature: tuple[tuple[str, tf.DType, int], ...]) -> Callable[..., Tensor]:
        specs = [tf.TensorSpec([None] * rank, dtype, name) for name, dtype, rank in signature]
        names = [name for name, _, _ in signature]
        return tf.function(
            lambda *tensors: program(dict(zip(names, tensors, strict=True))),
            input_signature=specs,
            jit_compile=compiled,
            autograph=False,
        )

    def run(operands: Operands) -> Tensor:
        signature = tuple((name, tensor.dtype, tensor.shape.rank) for name, tensor in operands.items())
        return function(signature)(*operands.values())

    return run


def _pullback(request: Request, forward: Program) -> Program:
    def run(operands: Operands) -> tuple[Tensor, Callable]:
        values = [operands[name] for name in request.along]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(values)
            result = forward(operands)

        def pull(cotangent: Tensor) -> list[Tensor]:
            return [_required(each) for each in tape.gradient(result, values, tf.cast(cotangent, result.dtype))]

        return result, pull

    return run


def _eager(request: Request) -> Program:
    def both(operands: Operands) -> tuple[Tensor, Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(operands[request.wrt])
            result = request.forward(operands)
        # A loss in another dtype than the logits takes a cotangent of its own dtype.
        cotangent = tf.cast(operands["cotangent"], result.dtype)
        return result, _required(tape.gradient(result, operands[request.wrt], cotangent))

    def gradient(operands: Operands) -> Tensor:
        return both(operands)[1]

    def tangent(operands: Operands) -> Tensor:
        value = operands[request.wrt]
        with tf.autodiff.ForwardAccumulator(value, tf.ones_like(value)) as accumulator:
            result = request.forward(operands)
        return _required(accumulator.jvp(result))

    def along_all(operands: Operands) -> Tensor:
        values = [operands[name] for name in request.along]
        tangents = [operands[f"tangent_{name}"] for name in request.along]
        with tf.autodiff.ForwardAccumulator(values, tangents) as accumulator:
            result = request.forward(operands)
        return _required(accumulator.jvp(result))

    def second(operands: Operands) -> Tensor:
        argument, wrt = operands[request.argument], operands[request.wrt]
        with tf.GradientTape() as outer:
            outer.watch(wrt)
            with tf.GradientTape() as inner:
                inner.watch(argument)
                result = request.forward(operands)
            first = _required(inner.gradient(result, argument, tf.cast(operands["cotangent"], result.dtype)))
        return _required(outer.gradient(first, wrt, operands["direction"]))

    def curvature(operands: Operands) -> Tensor:
        argument = operands[request.argument]
        with tf.GradientTape() as outer:
            outer.watch(argument)
            with tf.GradientTape() as inner:
                inner.watch(argument)
                result = request.forward(operands)
            first = _required(inner.gradient(result, argument))
        return _required(outer.gradient(first, argument))

    programs = {
        "loss": request.forward, "gradient": gradient, "both": both, "tangent": tangent, "curvature": curvature,
        "forward": along_all, "second": second,
    }  # fmt: skip
    return programs[request.quantity]


def _required(gradient: Tensor) -> Tensor:
    if gradient is None:
        raise ValueError("no gradient: TensorFlow returned None")
    return gradient


def _session(request: Request) -> Program:
    if request.quantity in ("tangent", "forward"):
        raise NotOffered("v1 graphs have no forward mode")
    if request.quantity in ("pullback", "second"):
        raise NotOffered("v1 graphs are run whole")

    @functools.cache
    def build(signature: tuple[tuple[str, Any, int], ...], device: str) -> tuple[Any, Any, Any]:
        graph = tf.Graph()
        with graph.as_default(), tf.device(device):
            feeds = {name: tf.compat.v1.placeholder(dtype, [None] * rank, name) for name, dtype, rank in signature}
            result = _symbolic(request, feeds)
        config = tf.compat.v1.ConfigProto(gpu_options=tf.compat.v1.GPUOptions(allow_growth=True))
        return tf.compat.v1.Session(graph=graph, config=config), feeds, result

    def run(operands: Operands) -> Any:
        signature = tuple((name, tensor.dtype, tensor.shape.rank) for name, tensor in operands.items())
        device = operands[request.argument].device
        session, feeds, result = build(signature, device)
        values = session.run(result, {feeds[name]: tensor.numpy() for name, tensor in operands.items()})
        if request.quantity == "both":
            return tuple(SessionResult(np.asarray(value), device) for value in values)
        return SessionResult(np.asarray(values), result.device or device)

    return run


def _symbolic(request: Request, feeds: Operands) -> Any:
    result = request.forward(feeds)
    if request.quantity == "loss":
        return result
    if request.quantity in ("gradient", "both"):
        cotangent = tf.cast(feeds["cotangent"], result.dtype)
        gradient = _required(tf.gradients(result, feeds[request.wrt], grad_ys=cotangent)[0])
        return (result, gradient) if request.quantity == "both" else gradient
    first = _required(tf.gradients(result, feeds[request.argument])[0])
    return _required(tf.gradients(first, feeds[request.argument])[0])


_GRADIENT = (
    "def g({args}):",
    "    with tf.GradientTape() as t: t.watch({wrt}); y = f({args})",
    "    return t.gradient(y, {wrt}, {cotangent})",
)
_SCRIPTS = {
    "loss": ("g = f", "print(g({args}).numpy())"),
    "gradient": (*_GRADIENT, "print(g({args}).numpy())"),
    "tangent": (
        "def g({args}):",
        "    with tf.autodiff.ForwardAccumulator({wrt}, tf.ones_like({wrt})) as t: y = f({args})",
        "    return t.jvp(y)",
        "print(g({args}).numpy())",
    ),
    "curvature": (
        *_GRADIENT,
        "with tf.GradientTape() as t: t.watch({wrt}); y = g({args})",
        "print(t.gradient(y, {wrt}).numpy())",
    ),
}


def _session_script(request: Request, has_cotangent: bool) -> tuple[str, ...]:
    cotangent = "c" if has_cotangent else "None"
    expression = {
        "loss": "f({args})",
        "gradient": "tf.gradients(f({args}), {wrt}, " + cotangent + ")[0]",
        "curvature": "tf.gradients(tf.gradients(f({args}), {wrt})[0], {wrt})[0]",
    }[request.quantity]
    # With dimensions that are unknown while the graph is built, as the subject has them.
    unknown = "(tf.compat.v1.placeholder_with_default(t, [None] * t.shape.rank) for t in ({args}))"
    return (f"{{args}} = {unknown}", f"print(tf.compat.v1.Session().run({expression}))")


ADAPTER = TensorFlow

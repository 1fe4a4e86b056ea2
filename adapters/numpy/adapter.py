"""NumPy and SciPy: the control. ``exact`` must conform to all it offers, the textbook formula must be caught."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ml_dtypes
import numpy as np
import scipy.special

from conformance import operator
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
    Switch,
    Tensor,
    strided,
)

REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum", wrap="np.sum({})"),
    "mean": Reduction("mean", divisor="numel", wrap="np.mean({})"),
}


def exact(logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0):
    if logits.dtype.kind not in "fV":
        raise TypeError(f"logits must be floating, not {logits.dtype}")
    if labels.dtype.kind not in "fVbiu":
        raise TypeError(f"labels must be numbers, not {labels.dtype}")
    np.broadcast_shapes(logits.shape, *(each.shape for each in (weight, pos_weight) if each is not None))
    if logits.shape != labels.shape:
        raise ValueError(f"labels {labels.shape} and logits {logits.shape} must have the same shape")
    x, z, w, q = _wide(logits, labels, weight, pos_weight)
    loss = operator.loss(x, z * (1 - label_smoothing) + label_smoothing / 2, q)
    # The limit of 0 * loss is 0.
    loss = w * np.where((w == 0) & np.isinf(loss), 0.0, loss)
    return _rounded(_reduce(loss, reduction), logits.dtype)


def _exact_derivative(request: Request, operands: Operands) -> Tensor:
    given = (operands.get(name) for name in ("logits", "labels", "weight", "pos_weight"))
    x, z, w, q = _wide(*given)
    smoothing = request.label_smoothing or 0.0
    z = z * (1 - smoothing) + smoothing / 2
    outer = np.asarray(operands.get("cotangent", 1.0), np.float64)
    outer = outer / x.size if request.reduction == "mean" and x.size else outer
    value = {
        "logits": lambda: w * operator.gradient(x, z, q),
        "labels": lambda: w * operator.label_gradient(x, z, q) * (1 - smoothing),
        "weight": lambda: operator.loss(x, z, q),
        "pos_weight": lambda: w * z * operator.loss(x, np.ones_like(x)),
        "curvature": lambda: w * operator.curvature(x, z, q),
    }["curvature" if request.quantity == "curvature" else request.wrt]()
    full = np.broadcast_to(outer * value, x.shape)
    return _unbroadcast(full, operands[request.wrt].shape)


def log_expit_composition(logits, labels, *, reduction="none"):
    log_expit = scipy.special.log_expit
    loss = -labels * log_expit(logits) - (1 - labels) * log_expit(-logits)
    return _reduce(loss, reduction)


def _log_expit_derivative(request: Request, operands: Operands) -> Tensor:
    x, z = operands["logits"], operands["labels"]
    expit = scipy.special.expit
    value = {
        "logits": lambda: (1 - z) * expit(x) - z * expit(-x),
        "labels": lambda: -x,
        "curvature": lambda: expit(x) * expit(-x),
    }["curvature" if request.quantity == "curvature" else request.wrt]()
    count = x.size if request.reduction == "mean" else 1
    return np.asarray(operands.get("cotangent", np.ones_like(x)) * value / count, x.dtype)


def textbook_formula(logits, labels, *, reduction="none"):
    p = 1 / (1 + np.exp(-logits))
    loss = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    return _reduce(loss, reduction)


def _textbook_derivative(request: Request, operands: Operands) -> Tensor:
    x, z = operands["logits"], operands["labels"]
    p = 1 / (1 + np.exp(-x))
    value = {
        "logits": lambda: (p - z) / (p * (1 - p)) * (p * (1 - p)),
        "labels": lambda: np.log(1 - p) - np.log(p),
        "curvature": lambda: p * (1 - p),
    }["curvature" if request.quantity == "curvature" else request.wrt]()
    count = x.size if request.reduction == "mean" else 1
    return operands.get("cotangent", np.ones_like(x)) * value / count


def xlogy_composition(probabilities, labels, *, reduction="none"):
    z = labels.astype(probabilities.dtype)
    loss = -(scipy.special.xlogy(z, probabilities) + scipy.special.xlog1py(1 - z, -probabilities))
    return _reduce(loss.astype(probabilities.dtype), reduction)


def _xlogy_derivative(request: Request, operands: Operands) -> Tensor:
    if request.quantity == "curvature" or request.wrt != "probabilities":
        raise NotOffered("its closed form is that of the gradient with respect to p")
    p, z = operands["probabilities"], operands["labels"]
    # At p = 0 and p = 1 the term with coefficient 0 is 0 / 0, and its limit 0.
    positive = np.where(z == 0, 0, z / p).astype(p.dtype)
    slope = np.where(z == 1, 0, (1 - z) / (1 - p)).astype(p.dtype) - positive
    inside = (p > 0) & (p < 1)
    slope = np.where(inside, (p - z) / np.where(inside, p * (1 - p), 1), slope)
    count = p.size if request.reduction == "mean" else 1
    return np.asarray(operands.get("cotangent", np.ones_like(p)) * slope / count, p.dtype)


IMPLEMENTATIONS = (
    Implementation(
        "exact",
        "conformance.operator",
        exact,
        reductions=REDUCTIONS,
        note="the float64 oracle, rounded once: what conformance looks like",
        role="control",
    ),
    Implementation(
        "log_expit composition",
        "scipy.special.log_expit",
        log_expit_composition,
        "https://docs.scipy.org/doc/scipy/reference/generated/scipy.special.log_expit.html",
        "-z * scipy.special.log_expit(x) - (1 - z) * scipy.special.log_expit(-x)",
        reductions=REDUCTIONS,
        broadcasts=True,
        role="composition",
    ),
    Implementation(
        "textbook formula",
        "numpy.exp, numpy.log",
        textbook_formula,
        "https://numpy.org/doc/stable/reference/generated/numpy.log.html",
        "-(z * np.log(1 / (1 + np.exp(-x))) + (1 - z) * np.log(1 - 1 / (1 + np.exp(-x))))",
        reductions=REDUCTIONS,
        broadcasts=True,
        note="on probabilities, as in textbooks: the control that has to be caught",
        role="control",
    ),
    Implementation(
        "xlogy composition",
        "scipy.special.xlogy, scipy.special.xlog1py",
        xlogy_composition,
        "https://docs.scipy.org/doc/scipy/reference/generated/scipy.special.xlogy.html",
        "-(scipy.special.xlogy(z, p) + scipy.special.xlog1py(1 - z, -p)).astype(p.dtype)",
        reductions=REDUCTIONS,
        broadcasts=True,
        takes="probabilities",
        role="composition",
        note="in float16 and bfloat16 computed in the wider dtype that SciPy has, and rounded to that of p",
    ),
)
_DERIVATIVES: Mapping[str, Callable[[Request, Operands], Tensor]] = {
    "exact": _exact_derivative,
    "log_expit composition": _log_expit_derivative,
    "textbook formula": _textbook_derivative,
    "xlogy composition": _xlogy_derivative,
}


class NumPy(Adapter):
    """The adapter. NumPy does not differentiate: the implementations bring closed forms."""

    name = "numpy"
    packages = ("numpy", "scipy")
    imports = ("import ml_dtypes, numpy as np, scipy.special", "from numpy import inf, nan")
    modes = ("eager",)
    layouts = LAYOUTS[:5]
    quantities = ("loss", "gradient", "both", "curvature")

    def implementations(self) -> tuple[Implementation, ...]:
        return IMPLEMENTATIONS

    def devices(self) -> tuple[str, ...]:
        return ("cpu",)

    def functions(self) -> Mapping[str, Callable]:
        return {
            "tensor": lambda values: np.array(values, np.float32), "relu": lambda x: np.maximum(x, 0), "abs": np.abs,
            "exp": np.exp, "log1p": np.log1p, "mean": np.mean,
        }  # fmt: skip

    def consecutive(self, first: int, count: int, dtype: str, device: str) -> Tensor:
        kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
        return np.arange(first, first + count, dtype=f"u{kind.itemsize}").view(kind)

    def bits(self, tensor: Tensor) -> Tensor:
        return tensor.view(f"i{tensor.dtype.itemsize}")

    def threads(self) -> int:
        return 1

    def wait(self, result: Tensor) -> None:
        pass

    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        if layout == "contiguous":
            return np.array(array)
        if layout == "expanded":
            return np.broadcast_to(array[:1], array.shape)
        base, view = strided(array, layout)
        return base.transpose(view) if layout == "transposed" else base[view]

    def fetch(self, tensor: Tensor) -> Array:
        return np.asarray(tensor)

    def is_plain(self, tensor: Tensor) -> bool:
        # A scalar is what a reduction returns; NumPy's own are compiled, and named for their module.
        return type(tensor) is np.ndarray or (
            isinstance(tensor, np.generic) and type(tensor).__module__ in ("numpy", "ml_dtypes")
        )

    def device_of(self, tensor: Tensor) -> str:
        return "cpu"

    def ambient(self) -> Mapping[str, Switch]:
        return {"seterr(all=raise)": Switch(lambda: np.seterr(all="raise"))}

    def program(self, request: Request) -> Program:
        if request.quantity == "loss":
            return request.forward
        derivative = _DERIVATIVES.get(request.implementation.name)
        if derivative is None:
            raise NotOffered("NumPy does not differentiate")
        if request.wrt not in (request.argument, "labels") and not request.implementation.offers(request.wrt):
            raise NotOffered(f"it has no {request.wrt}")

        def gradient(operands: Operands) -> Tensor:
            # A closed form that this file brings has the dtype of its operand, as a framework's gradient has.
            return np.asarray(derivative(request, operands), operands[request.wrt].dtype)

        if request.quantity == "both":
            return lambda operands: (request.forward(operands), gradient(operands))
        return gradient

    def literal(self, values: str, dtype: str, device: str) -> str:
        return f"np.array({values}, {'ml_dtypes.bfloat16' if dtype == 'bfloat16' else repr(dtype)})"

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        if request.quantity != "loss":
            raise NotOffered("NumPy does not differentiate")
        return ("print(f({args}))",)


def _wide(logits: Array, labels: Array, weight: Array | None, pos_weight: Array | None) -> tuple[Array, ...]:
    given = (logits, labels, 1.0 if weight is None else weight, 1.0 if pos_weight is None else pos_weight)
    return tuple(np.asarray(each).astype(np.float64) for each in given)


def _reduce(loss: Array, reduction: str) -> Array:
    return {"none": lambda: loss, "sum": lambda: np.sum(loss), "mean": lambda: np.mean(loss)}[reduction]()


def _rounded(value: Array, dtype: np.dtype) -> Array:
    return np.asarray(value).astype(dtype)


def _unbroadcast(value: Array, shape: tuple[int, ...]) -> Array:
    extra = value.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        axis + extra for axis, length in enumerate(shape) if length == 1 and value.shape[axis + extra] != 1
    )
    return value.sum(axis=axes).reshape(shape) if axes else value


ADAPTER = NumPy

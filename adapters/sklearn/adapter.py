"""scikit-learn: the metric log_loss, and the loss with which its own estimators are trained."""

from __future__ import annotations

import numpy as np
from sklearn._loss import HalfBinomialLoss
from sklearn.metrics import log_loss

from conformance.adapter import Array, Implementation, NotOffered, Operands, Program, Reduction, Request
from conformance.adapters.numpy import NumPy

_LOSS = HalfBinomialLoss()
DOCS = "https://scikit-learn.org/stable/modules/generated/sklearn.metrics.log_loss.html"


def half_binomial_loss(logits, labels):
    return _LOSS.loss(*_flat(logits, labels)).reshape(logits.shape)


def metric(probabilities, labels, *, weight=None, reduction="none"):
    # A metric returns a Python float.
    if reduction == "none":
        each = [
            log_loss([z], [p], normalize=False, sample_weight=None if weight is None else [w], labels=[0, 1])
            for z, p, w in np.broadcast(*_flat(probabilities, labels), 1 if weight is None else np.ravel(weight))
        ]
        return np.array(each, probabilities.dtype).reshape(probabilities.shape)
    options = {"normalize": {"sum": False, "mean_by_weight": True}[reduction], "sample_weight": weight}
    return np.asarray(log_loss(labels, probabilities, labels=[0, 1], **options), probabilities.dtype)


def _flat(first: Array, labels: Array) -> tuple[Array, Array]:
    if first.shape != labels.shape:
        raise ValueError(f"{labels.shape} labels for {first.shape}")
    # Labels are numbers of the dtype of the logits there; what is no number is left for it to refuse.
    labels = labels if labels.dtype.kind in "US" else np.array(labels, first.dtype)
    return labels.ravel(), np.ascontiguousarray(first).ravel()


class ScikitLearn(NumPy):
    """The adapter."""

    name = "sklearn"
    packages = ("scikit-learn", "numpy", "scipy")
    imports = ("import numpy as np, sklearn._loss, sklearn.metrics", "from numpy import inf, nan")
    dtypes = ("float64", "float32")

    def implementations(self) -> tuple[Implementation, ...]:
        return (
            Implementation(
                "HalfBinomialLoss",
                "sklearn._loss.HalfBinomialLoss",
                half_binomial_loss,
                "https://github.com/scikit-learn/scikit-learn/blob/main/sklearn/_loss/loss.py",
                "sklearn._loss.HalfBinomialLoss().loss(z, x)",
                role="composition",
                note="of a private module: what LogisticRegression and HistGradientBoostingClassifier are trained with",
            ),
            Implementation(
                "metrics.log_loss",
                "sklearn.metrics.log_loss",
                metric,
                DOCS,
                "np.array([sklearn.metrics.log_loss([b], [a], labels=[0, 1]) for a, b in zip(p, z)], p.dtype)",
                reductions={
                    "none": Reduction("none"),
                    "sum": Reduction("sum"),
                    "mean_by_weight": Reduction("mean_by_weight", divisor="sum_of_weights"),
                },
                labels="hard",
                takes="probabilities",
                note="unreduced: one sample at a time; a Python float, rounded to the dtype of p",
            ),
        )

    def ambient(self):
        return {}

    def program(self, request: Request) -> Program:
        if request.implementation.name != "HalfBinomialLoss" or request.quantity == "loss":
            return super().program(request)
        if request.wrt != "logits":
            raise NotOffered(f"it has no derivative with respect to {request.wrt}")

        def both(operands: Operands):
            x, cotangent = operands["logits"], operands["cotangent"]
            loss, gradient = _LOSS.loss_gradient(*_flat(x, operands["labels"]))
            return loss.reshape(x.shape), np.asarray(gradient.reshape(x.shape) * cotangent, x.dtype)

        def gradient(operands: Operands):
            x = operands["logits"]
            found = _LOSS.gradient(*_flat(x, operands["labels"])).reshape(x.shape)
            return np.asarray(found * operands["cotangent"], x.dtype)

        def curvature(operands: Operands):
            x = operands["logits"]
            return _LOSS.gradient_hessian(*_flat(x, operands["labels"]))[1].reshape(x.shape)

        return {"both": both, "gradient": gradient, "curvature": curvature}[request.quantity]

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        if request.quantity == "loss":
            return ("print(f({args}))",)
        method = {"gradient": "gradient(z, x)", "curvature": "gradient_hessian(z, x)[1]"}[request.quantity]
        return (f"print(sklearn._loss.HalfBinomialLoss().{method})",)


ADAPTER = ScikitLearn

"""Sigmoid cross-entropy in float64: the exact operator, vectorised and well-conditioned.

For a logit x, a label z in [0, 1] and a pos_weight q the loss is

    (1 - z) * softplus(x) + q * z * softplus(-x)

written here as two non-negative terms, ``|x| * c + log1p(exp(-|x|)) * ((1 - z) + q * z)`` with c the
coefficient of the side that x is on, so that no bit of either tail is lost. Infinite logits give
the limit. Every function takes float64 arrays that broadcast together and returns float64.

References: DESIGN section "The operator"; Higham, "Accuracy and Stability of Numerical Algorithms",
2nd ed., section 1.7 (cancellation).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Largest error of `loss` and of the factors of the others against ball arithmetic, in float64 ULPs,
# for labels in [0, 1]. Held by tests/test_operator.py. Budget: exp and log1p of the platform's libm
# or SVML at most 4 ULP each (class LA), doubled where the condition number is 1 but the ULP changes
# width, and five roundings.
ORACLE_ULPS = 16.0


_BELOW_ONE = float(np.nextafter(1.0, 0.0))


def sigmoid(x: Floats) -> Floats:
    """``1 / (1 + exp(-x))`` with a full relative tail for x << 0."""
    tail = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, tail) / (1.0 + tail)


def loss(x: Floats, z: Floats, q: Floats | float = 1.0) -> Floats:
    """The unreduced loss."""
    negative, positive = 1.0 - z, q * z
    side = np.where(x > 0, negative, positive)
    return _times(np.abs(x), side) + np.log1p(np.exp(-np.abs(x))) * (negative + positive)


def gradient(x: Floats, z: Floats, q: Floats | float = 1.0) -> Floats:
    """d loss / d x ``= (1 - z) * sigmoid(x) - q * z * sigmoid(-x)``, which for q = 1 is sigmoid(x) - z."""
    return (1.0 - z) * sigmoid(x) - q * z * sigmoid(-x)


def label_gradient(x: Floats, z: Floats, q: Floats | float = 1.0) -> Floats:
    """d loss / d z ``= q * softplus(-x) - softplus(x)``, which for q = 1 is -x."""
    with np.errstate(invalid="ignore"):
        weighted = q * loss(x, np.ones_like(x)) - loss(x, np.zeros_like(x))
    return np.where(np.asarray(q) == 1.0, -x + 0.0 * z, weighted)


def curvature(x: Floats, z: Floats, q: Floats | float = 1.0) -> Floats:
    """d2 loss / d x2 ``= sigmoid(x) * sigmoid(-x) * ((1 - z) + q * z)``."""
    return sigmoid(x) * sigmoid(-x) * ((1.0 - z) + q * z)


def _times(factor: Floats, coefficient: Floats) -> Floats:
    """``factor * coefficient`` with 0 * inf = 0: the limit of the loss where label and logit agree."""
    with np.errstate(invalid="ignore"):
        value = factor * coefficient
    return np.where((coefficient == 0) & ~np.isnan(factor), 0.0, value)


def _larger_sigmoid(x: Floats) -> Floats:
    """``sigmoid(|x|)``, which is below 1 however large x is."""
    return np.minimum(sigmoid(np.abs(x)), _BELOW_ONE)


def largest_term(quantity: str, x: Floats, z: Floats, w: Floats, q: Floats, c: Floats) -> Floats:
    """The magnitude of the largest term that the usual formulas must add to get ``quantity``.

    ``w`` is the weight and ``c`` the cotangent. For w = c = q = 1: ``max(|x|(1-z), |x|z, loss)`` for the
    loss, ``max(sigmoid(x), sigmoid(-x))`` for the gradient (it is s - z, or its mirror image) and for the second
    derivative (s - s**2, or its mirror image), and softplus(|x|) for the gradient with respect to the label. Mirror
    images, (x, z) and (-x, 1 - z), have the same largest term.
    """
    ones = np.ones_like(x)
    with np.errstate(invalid="ignore", over="ignore"):
        both = 1.0 + (q - 1.0) * z  # exactly 1 where there is no pos_weight
        softplus = np.abs(x) + np.log1p(np.exp(-np.abs(x)))
        terms: dict[str, Callable[[], tuple[Floats, Floats]]] = {
            "loss": lambda: (np.maximum(np.abs(x) * np.maximum(np.abs(1.0 - z), np.abs(q * z)), loss(x, z, q)), w),
            "gradient": lambda: (np.abs(both) * _larger_sigmoid(x), w * c),
            "curvature": lambda: (np.abs(both) * _larger_sigmoid(x), w),
            "label_gradient": lambda: (np.maximum(q, 1.0) * softplus, w * c),
            "weight_gradient": lambda: (largest_term("loss", x, z, ones, q, ones), c),
            "pos_weight_gradient": lambda: (np.abs(z) * softplus, w * c),
        }
        term, outer = terms[quantity]()
        return np.asarray(np.abs(outer) * term, np.float64)

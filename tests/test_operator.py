"""The float64 oracle against ball arithmetic, over the whole range."""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import numpy as np
import pytest

from conformance import operator
from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import Exact, real
from conformance.arithmetic.proof import Element, prove
from conformance.arithmetic.ulp import Kind, measure

FLOAT64 = DTYPES["float64"]
# Where exp, log1p and sigmoid change regime: float64 saturates at 36.7, float32 underflows at 88 to 104,
# float64 overflows at 709.8 and underflows to zero at 745.1.
EDGES = (
    16.6,
    36.7,
    36.73680056967710,
    88.0,
    88.72283905206835,
    103.97,
    104.0,
    708.4,
    709.0,
    709.78,
    745.0,
    745.13,
    746.0,
)


def logits() -> np.ndarray:
    """Edges with their neighbours, both signs, subnormals, the largest numbers, and every magnitude between."""
    rng = np.random.default_rng(1)
    edges = np.array([np.nextafter(edge, edge + step) for edge in EDGES for step in (-1, 0, 1)])
    small = np.array([5e-324, 2.3e-308, 1e-300, 1e-30, 2.0**-53, 2.0**-26, 1e-3])
    spread = 2.0 ** rng.uniform(-1074, 1023.9, 150)
    ordinary = rng.uniform(0, 40, 100)
    positive = np.concatenate([edges, small, spread, ordinary, [np.finfo(np.float64).max]])
    return np.concatenate([positive, -positive, [0.0, -0.0]])


@functools.cache
def proven(logit: float, label: float) -> dict[str, str]:
    """All quantities of one element."""
    return prove(Element(Fraction(logit) if logit else logit, Fraction(label)))


def errors(quantity: str, labels: tuple[float, ...]) -> np.ndarray:
    """Result ULPs of the oracle for every logit and label; flushed results are not distances."""
    x = np.tile(logits(), len(labels))
    z = np.repeat(np.array(labels), len(logits()))
    got = {"loss": operator.loss, "gradient": operator.gradient, "curvature": operator.curvature}[quantity](x, z)
    exact = Exact.of(real(proven(float(each), float(label))[quantity]) for each, label in zip(x, z, strict=True))
    measured = measure(got, exact, operator.largest_term(quantity, x, z, *(np.ones_like(x),) * 3), FLOAT64)
    # The difference of two sigmoids near logit 0 may cancel to zero; a loss may not.
    assert (measured.kind <= (Kind.FLUSHED if quantity == "gradient" else Kind.SAME)).all()
    return measured.result_ulp if quantity != "gradient" else measured.scaled_ulp


@pytest.mark.parametrize("quantity", ["loss", "gradient", "curvature"])
def test_the_oracle_keeps_its_bound_for_hard_labels(quantity: str) -> None:
    """Both tails, subnormals and overflow thresholds are within ORACLE_ULPS."""
    assert errors(quantity, (0.0, 1.0)).max() <= operator.ORACLE_ULPS


@pytest.mark.parametrize("quantity", ["loss", "gradient", "curvature"])
def test_the_oracle_keeps_its_bound_for_soft_labels(quantity: str) -> None:
    """Labels of every magnitude, down to the smallest subnormal and up to the number before 1."""
    labels = (0.5, 0.1, 1e-7, 5e-324, math.nextafter(1, 0))
    assert errors(quantity, labels).max() <= operator.ORACLE_ULPS


def test_every_quantity_has_its_weights() -> None:
    """pos_weight above and below 1, and zero, hard labels and soft ones: what the proofs say."""
    x, z, q = (
        each.ravel()
        for each in np.meshgrid([-90.0, -3.0, -0.5, 0.0, 0.5, 3.0, 90.0], [0, 0.25, 1.0], [0, 0.5, 1.0, 2.5])
    )
    proofs = [prove(Element(*map(Fraction, each))) for each in zip(x, z, np.ones_like(x), q, strict=True)]
    functions = (operator.loss, operator.gradient, operator.curvature, operator.label_gradient)
    for function in functions:
        exact = [float(real(each[function.__name__])) for each in proofs]
        scale = operator.largest_term(function.__name__, x, z, np.ones_like(x), q, np.ones_like(x))
        assert (np.abs(function(x, z, q) - exact) <= 2.0**-50 * scale).all(), function


def test_without_a_pos_weight_the_gradient_of_the_label_is_minus_the_logit() -> None:
    """Exactly, at infinity too; a NaN label makes it NaN."""
    x = np.array([-math.inf, -2.5, 0.0, 1e300, math.inf])

    assert operator.label_gradient(x, np.full(5, 0.5)).tolist() == (-x).tolist()
    assert np.isnan(operator.label_gradient(np.ones(1), np.array([math.nan])))[0]


TERMS = {
    "loss": lambda x, z, w, q, _: w * max(abs(x) * max(1 - z, q * z), (1 - z) * softplus(x) + q * z * softplus(-x)),
    "gradient": lambda x, z, w, q, c: w * abs(c) * (1 - z + q * z) / (1 + math.exp(-abs(x))),
    "curvature": lambda x, z, w, q, _: w * (1 - z + q * z) / (1 + math.exp(-abs(x))),
    "label_gradient": lambda x, _, w, q, c: w * abs(c) * max(q, 1) * softplus(abs(x)),
    "weight_gradient": lambda x, z, _, q, c: abs(c) * TERMS["loss"](x, z, 1, q, 1),
    "pos_weight_gradient": lambda x, z, w, _, c: w * abs(c) * z * softplus(abs(x)),
}


def softplus(x: float) -> float:
    """As it is written."""
    return math.log1p(math.exp(x))


@pytest.mark.parametrize("quantity", TERMS)
def test_the_largest_term_is_that_of_the_usual_formulas(quantity: str) -> None:
    """Each written down once more, for weights, pos_weights and cotangents that are not 1."""
    grid = np.meshgrid(
        [-30.0, -3.0, 0.0, 0.5, 3.0, 30.0], [0, 0.25, 0.75, 1.0], [0.5, 1, 3], [0.5, 1, 4.0], [-2, 1, 3.0]
    )
    x, z, w, q, c = (each.ravel() for each in grid)

    found = operator.largest_term(quantity, x, z, w, q, c)
    assert found == pytest.approx([TERMS[quantity](*each) for each in zip(x, z, w, q, c, strict=True)], rel=1e-13)


@pytest.mark.parametrize(("logit", "label", "weight"), [(4.0, 1.5, 3.0), (-4.0, -0.5, 1.0)])
def test_labels_outside_their_range_have_a_largest_term_too(logit: float, label: float, weight: float) -> None:
    """The magnitude of a coefficient counts, whatever its sign."""
    x, z, one = np.array([logit]), np.array([label]), np.ones(1)

    assert operator.largest_term("loss", x, z, -one, weight * one, one)[0] == 4 * max(
        abs(1 - label), abs(weight * label)
    )
    for quantity in ("gradient", "curvature", "label_gradient", "pos_weight_gradient"):
        assert operator.largest_term(quantity, x, z, -one, weight * one, one)[0] > 0


def test_a_label_outside_its_range_has_the_value_of_the_formula() -> None:
    """A negative coefficient is no zero."""
    assert operator.loss(np.array([4.0]), np.array([1.5])) == pytest.approx(-0.5 * softplus(4.0) + 1.5 * softplus(-4.0))


def test_infinite_logits_give_the_limits() -> None:
    """0 where label and logit agree, infinity where not, and the gradient 1 - z or -z."""
    x = np.array([math.inf, math.inf, -math.inf, -math.inf, math.inf])
    z = np.array([1.0, 0.0, 0.0, 1.0, 0.5])

    assert operator.loss(x, z).tolist() == [0.0, math.inf, 0.0, math.inf, math.inf]
    assert operator.gradient(x, z).tolist() == [0.0, 1.0, 0.0, -1.0, 0.5]


def test_the_worked_example_has_the_mean_that_everybody_meets_first() -> None:
    """The mean loss is 0.463, and equals the mean of -(y log p + (1 - y) log(1 - p))."""
    x = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, -4.0]])
    z = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    p = operator.sigmoid(x)

    assert operator.loss(x, z).mean() == pytest.approx(0.463002, abs=5e-6)
    assert operator.loss(x, z).mean() == pytest.approx(np.mean(-(z * np.log(p) + (1 - z) * np.log(1 - p))), rel=1e-12)


def test_nan_stays_nan_and_does_not_spread() -> None:
    """Only the element with the NaN is NaN."""
    loss = operator.loss(np.array([math.nan, 1.0, 1.0]), np.array([0.0, math.nan, 1.0]))

    assert np.isnan(loss).tolist() == [True, True, False]

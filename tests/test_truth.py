"""What is right for a plan of chapter C, against mpmath and differences."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from conformance.configurations.plan import Plan
from conformance.configurations.truth import truth
from tests.test_bounds import term
from tests.test_configurations import C, V, X, Z, planned

QUANTITIES = {"logits": "gradient", "labels": "label_gradient", "weight": "weight_gradient",
              "pos_weight": "pos_weight_gradient"}  # fmt: skip


class Reference:
    """The loss of a plan in mpmath, and its derivatives by differences."""

    def __init__(self, made: Plan) -> None:
        self.made = made
        self.point = {name: _numbers(each.values) for name, each in made.operands.items()}
        self.cotangent, self.direction = (_numbers(each.values) for each in (made.cotangent, made.direction))
        self.tangents = {name.removeprefix("tangent_"): each.values for name, each in made.tangents().items()}

    def loss(self, moved=()):
        """Elements, or their sum or mean, some operands being elsewhere."""
        at = self.point | dict(moved)
        smoothing = mpmath.mpf(self.made.label_smoothing or 0)
        x, z = at["logits"], at["labels"] * (1 - smoothing) + smoothing / 2
        w, q = at.get("weight", mpmath.mpf(1)), at.get("pos_weight", mpmath.mpf(1))
        values = w * ((1 - z) * _softplus(x) + q * z * _softplus(-x))
        values = np.broadcast_to(values, self.made.shape)
        if self.made.reduction == "none":
            return values
        weights = np.broadcast_to(self.point.get("weight", mpmath.mpf(1)), self.made.shape)
        divisors = {"": 1, "numel": values.size, "sum_of_weights": weights.sum(),
                    "nonzero_weights": int((weights != 0).sum())}  # fmt: skip
        return np.array(values.sum() / divisors[self.made.divisor])

    def pulled(self, **moved):
        """The inner product of loss and cotangent."""
        return np.sum(self.loss(moved) * self.cotangent)

    def right(self, what):
        """What truth.right says."""
        kind, _, name = what.partition(" ")
        if kind == "loss":
            return self.loss()
        if kind == "gradient":
            return self._each(name, lambda unit: mpmath.diff(lambda t: self.pulled(**self.along(name, unit, t)), 0))
        if kind == "forward":
            return self._directional(lambda t: self.loss(self._moved(self.tangents, t)))
        if kind == "upstream":
            return self._directional(lambda t: self.loss(self.along("logits", self.direction, t)))
        name = {"second": "logits", "mixed": "labels"}[kind]

        def by(unit):
            def slope(u):
                bent = self.along(name, unit, u)
                start = bent.get("logits", self.point["logits"])
                return mpmath.diff(lambda t: self.pulled(**(bent | {"logits": start + self.direction * t})), 0)

            return mpmath.diff(slope, 0)

        return self._each(name, by)

    def along(self, name, step, t):
        """An operand moved."""
        return {name: self.point[name] + step * t}

    def _moved(self, steps, t):
        return {name: self.point[name] + _numbers(step) * t for name, step in steps.items()}

    def _directional(self, function):
        return np.array([mpmath.diff(lambda t, at=at: function(t).flat[at], 0) for at in range(function(0).size)])

    def _each(self, name, by):
        found = np.empty(self.point[name].shape, object)
        for place in np.ndindex(found.shape):
            unit = _numbers(np.zeros(found.shape))
            unit[place] = mpmath.mpf(1)
            found[place] = by(unit)
        return found


def _numbers(values):
    return np.array([mpmath.mpf(each) for each in np.asarray(values).flat], object).reshape(np.shape(values))


@np.vectorize
def _softplus(x):
    return mpmath.log1p(mpmath.exp(x))


WEIGHTS = {
    "plain": {},
    "each": {"weight": [[0.5, 2, 0], [1.5, 3, 0.25]], "pos_weight": [[2, 0.5, 3], [1, 4, 0.75]]},
    "classes": {"weight": [0.5, 0, 2.5], "pos_weight": [2, 0.5, 3]},
    "examples": {"weight": [[0.5], [3]], "pos_weight": 2.5},
    "scalars": {"weight": 0.75, "pos_weight": 1.0},
}
REDUCTIONS = [("none", ""), ("sum", ""), ("mean", "numel"), ("mean", "sum_of_weights"), ("mean", "nonzero_weights")]


@pytest.mark.parametrize("smoothing", [None, 0.25])
@pytest.mark.parametrize(("reduction", "divisor"), REDUCTIONS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_what_is_right_is_what_differences_in_another_library_give(weights, reduction, divisor, smoothing) -> None:
    """Loss, every gradient and what lies beyond, to ninety bits, with operands that are broadcast added up."""
    plain = reduction == "none"
    made = planned(
        **WEIGHTS[weights], reduction=reduction, divisor=divisor, label_smoothing=smoothing,
        cotangent=C if plain else 1.5, direction=V,
    )  # fmt: skip
    reference = Reference(made)
    for what in ("loss", *(f"gradient {name}" for name in made.operands), "forward", "second", "mixed", "upstream"):
        exact = truth(made).right(what).exact
        with mpmath.workprec(400):
            expected = np.ravel(reference.right(what))
            got = [mpmath.ldexp(mpmath.mpf(hi) + mpmath.mpf(lo), int(to))
                   for hi, lo, to in zip(exact.hi, exact.lo, exact.exponent, strict=True)]  # fmt: skip
            assert len(got) == len(expected), what
            for one, other in zip(got, expected, strict=True):
                assert abs(one - other) <= max(abs(other), mpmath.mpf(2) ** -60) * mpmath.mpf(2) ** -90, what


def test_a_mean_of_nothing_is_known_to_be_one() -> None:
    """Of no element, by no weight, or by weights that add up to nothing; a sum of nothing is 0."""
    for divisor in ("nonzero_weights", "sum_of_weights"):
        assert truth(planned(weight=np.zeros((2, 3)), reduction="mean", divisor=divisor)).of_nothing
        assert not truth(planned(weight=np.eye(2, 3), reduction="mean", divisor=divisor)).of_nothing
    assert truth(planned([], [], reduction="mean", divisor="numel")).of_nothing
    assert not truth(planned(reduction="mean", divisor="numel")).of_nothing
    assert not truth(planned([], [], reduction="sum")).of_nothing
    assert truth(planned([], [], reduction="sum")).right("loss").exact.approximate().tolist() == [0]
    empty = planned([], [], weight=2.0)
    assert truth(empty).right("gradient weight").exact.approximate().tolist() == [0]
    assert truth(empty).right("gradient weight").scale.tolist() == [0]


@pytest.mark.parametrize("smoothing", [None, 0.25])
@pytest.mark.parametrize(("reduction", "divisor"), [("none", ""), ("sum", ""), ("mean", "numel")])
def test_errors_are_measured_by_the_largest_terms(reduction, divisor, smoothing) -> None:
    """Each as SPEC.md has it; of a sum, theirs added; and how many were added."""
    weights = {"weight": [0.5, 0.75, 2.5], "pos_weight": [[2, 0.5, 3], [1, 4, 0.75]]}
    c = np.array(C if reduction == "none" else -1.5)
    made = planned(
        **weights, reduction=reduction, divisor=divisor, label_smoothing=smoothing, cotangent=c, direction=V,
    )  # fmt: skip
    tangents = [each.values for each in made.tangents().values()]
    x, z, w, q, c, v, *tangents = np.broadcast_arrays(
        X, Z, weights["weight"], weights["pos_weight"], c, np.abs(V), *map(np.abs, tangents)
    )
    z = z if smoothing is None else z * 0.75 + 0.125
    below = 6 if divisor else 1

    def terms(quantity, c=1.0):
        return term(quantity, x, z, w, q, np.broadcast_to(c, x.shape))

    def reduced(values):
        return (values if reduction == "none" else np.array(values.sum() / below)).ravel()

    expected = {
        "loss": reduced(terms("loss")),
        "gradient logits": terms("gradient", c) / below,
        "gradient labels": terms("label_gradient", c) / below,
        "gradient weight": (terms("weight_gradient") * np.abs(c)).sum(axis=0) / below,
        "gradient pos_weight": terms("pos_weight_gradient") * np.abs(c) / below,
        "forward": reduced(sum(terms(each) * t for each, t in zip(QUANTITIES.values(), tangents, strict=True))),
        "second": terms("curvature") * np.abs(c) * v / below,
        "mixed": w * (1 + q) * np.abs(c) * v / below,
        "upstream": reduced(terms("gradient") * v),
    }
    for what, scale in expected.items():
        right = truth(made).right(what)
        assert right.scale == pytest.approx(np.ravel(scale), rel=1e-12), what
        whole = reduction != "none" and what in ("loss", "forward", "upstream")
        assert right.summands == (6 if whole else 2 if what == "gradient weight" else 1), what


def test_equal_elements_are_computed_once_and_each_keeps_its_place() -> None:
    """A pool's numbers come back in large operands."""
    made = planned(np.resize([1.0, -2.0, 1.0], 7), np.resize([1.0, 0.0], 7), along=())
    found = truth(made)

    assert len(found.elements) == 4
    assert found.right("loss") is found.right("loss")
    for what in ("loss", "gradient logits"):
        pairs = zip(*(made.operands[name].values for name in ("logits", "labels")), strict=True)
        single = [truth(planned([x], [z])).right(what).exact.approximate()[0] for x, z in pairs]
        assert found.right(what).exact.approximate().tolist() == single

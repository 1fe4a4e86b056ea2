"""Checks of single elements and of reductions, from both sides of what they allow."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from conformance import operator
from conformance.adapter import NotOffered
from conformance.arithmetic.exact import Exact
from conformance.arithmetic.ulp import measure
from conformance.golden import collection as cases
from conformance.judging.examination import Disconnected, Examination
from conformance.spec.outcome import Conforms, Deviates
from conformance.suite import test_gradients, test_reductions, test_values
from tests.test_bounds import FLOAT32, Moved, ulp
from tests.test_laws import Made, examined


class Shown(Moved):
    """Returns a case's proven results, changed."""

    def __init__(self, case, change):
        super().__init__(cases.named(case), "", 0, "")
        self.change = change

    def values(self, quantity):
        """The proven results after the change."""
        return self.change(super().values(quantity).astype(np.float64))


def shown(check, name, change=lambda values: values):
    """What a check says of a case whose results were changed."""
    return examined(check, name, Shown(name, change))


def test_a_loss_is_finite_and_not_negative() -> None:
    """Each of the two has its own signature, and zero is no negative number."""
    name, check = "values/confident-negative", test_values.finite_and_non_negative
    assert isinstance(shown(check, name), Conforms)
    assert isinstance(shown(check, name, lambda values: 0 * values), Conforms)
    assert shown(check, name, lambda values: values - 200).signature == "negative"
    assert shown(check, name, lambda values: values + math.inf).signature == "overflow"
    assert shown(check, name, lambda values: values * math.nan).signature == "nan"


def test_what_becomes_of_subnormals_is_recorded() -> None:
    """Gradual, flushed, or both."""
    name, check = "values/float32-tail-becomes-subnormal", test_values.subnormals
    some = lambda values: np.where(np.arange(len(values)) == 1, 0, values)  # noqa: E731

    assert shown(check, name).measures["observed"] == "gradual"
    assert shown(check, name, lambda values: 0 * values).measures["observed"] == "flushed"
    assert shown(check, name, some).measures["observed"] == "mixed"
    assert shown(check, name, lambda values: np.where(values < 2.0**-126, 2.0**-125, values)).signature == "lost-tail"
    assert shown(check, name, lambda values: np.where(values < 2.0**-126, math.nan, values)).signature == "nan"


def test_a_flushed_subnormal_is_not_gradual_however_small() -> None:
    """Three steps above zero, it is within the bound of zero."""
    errors = measure(np.zeros(1), Exact.of([Fraction(3, 2**149)]), np.zeros(1), FLOAT32)
    examination = SimpleNamespace(errors=lambda: errors, elements=lambda: (np.zeros(1), np.zeros(1)), dtype=FLOAT32)

    assert test_values.subnormals(examination).measures["observed"] == "flushed"


def test_a_gradient_at_zero_is_that_of_a_faithful_sigmoid() -> None:
    """One ULP of a half and a rounding; a value beyond every bound is called by what it is."""
    name, check = "gradients/negative-zero-logit", test_gradients.half_at_zero
    assert isinstance(shown(check, name), Conforms)
    for ulps in (-1, 1):
        assert isinstance(shown(check, name, lambda values, ulps=ulps: values + ulps * 2.0**-24), Conforms)
    for ulps in (-2, 2):
        assert isinstance(shown(check, name, lambda values, ulps=ulps: values + ulps * 2.0**-24), Deviates)
    assert shown(check, name, lambda values: values * math.nan).signature == "nan"
    assert shown(check, name, lambda values: 0 * values - 1).signature == "wrong-sign"


def test_only_the_gradient_at_zero_has_to_be_that_of_a_faithful_sigmoid() -> None:
    """Beside other logits, of either sign and right or wrong: those have clauses of their own."""
    check, name = test_gradients.half_at_zero, "reductions/worked-example"

    def wrong(places, size=0.25):
        return lambda _, values, x, _z: np.where(places(x), values + size, values)

    assert isinstance(examined(check, name, Made()), Conforms)
    for places in (lambda x: x > 0, lambda x: x < 0):
        assert isinstance(examined(check, name, Made(wrong(places))), Conforms)
    for size in (-(2.0**-23), 2.0**-23):
        assert isinstance(examined(check, name, Made(wrong(lambda x: x == 0, size))), Deviates)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize(("check", "ulps"), [(test_reductions.small, 12 + 6), (test_reductions.large, 12 + 3 + 12 + 1)])
def test_a_reduction_may_be_as_far_as_its_bound(check, ulps: int, reduction: str) -> None:
    """Of six numbers: in any order, 12 for the elements, 5 for the sum and 1 more; as of many, 12 + 3 + 12 + 1."""

    def moved(steps):
        def run(call, _quantity):
            exact = cases.named("reductions/worked-example").exact("loss", FLOAT32).approximate()
            exact = {"none": exact, "sum": exact.sum(), "mean": exact.mean()}[call.reduction]
            # The largest terms are log 2, 1, 1, 1.31, 2 and 4: their sum is just above 8, their mean above 1.
            unit = {"none": 0, "sum": 2.0**-20, "mean": 2.0**-23}[call.reduction]
            return np.float32(exact + (steps * unit if call.reduction == reduction else 0))

        runner = Made()
        runner.run = run
        return examined(check, "reductions/worked-example", runner)

    assert isinstance(moved(ulps - 0.5), Conforms)
    assert isinstance(moved(ulps + 0.5), Deviates)


@pytest.mark.parametrize(
    ("value", "signature"),
    [
        (math.nan, "nan"),
        (math.inf, "overflow"),
        (0.0, "wrong-value"),
        (5.0, "wrong-value"),
        (2.16, "off-by-ulps"),
        (2.14, ""),
    ],
)
def test_a_mean_in_half_precision_has_the_bound_of_a_wider_accumulator(value: float, signature: str) -> None:
    """13 ULP of float16 at 2.127, the mean of a hundred thousand losses whose sum does not fit."""
    runner = Made()
    runner.subject = dataclasses.replace(runner.subject, dtype="float16")
    runner.run = lambda *_: np.float16(value)

    assert examined(test_reductions.small, "reductions/half-mean-of-misses", runner).signature == signature


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("name", ["gradients/cotangent-multi-label", "gradients/cotangent"])
def test_the_gradient_of_a_reduced_loss_may_be_14_ulp_away(name: str, reduction: str, place: int) -> None:
    """For a cotangent of 3, which a sum hands on and a mean divides, whatever the case's own cotangents are."""

    class Through(Made):
        def run(self, call, quantity="loss", _wrt="logits"):
            if call.reduction != reduction or quantity != "gradient":
                return super().run(call, quantity)
            x, z = (call.operands[name].astype(np.float64) for name in ("logits", "labels"))
            factor = 3 / (x.size if reduction == "mean" else 1)
            exact, unit = factor * operator.gradient(x, z), ulp(factor * operator.sigmoid(np.abs(x)))
            moved = np.arange(x.size).reshape(x.shape) == place
            return np.float32(exact + np.where(moved, np.sign(exact) * self.steps * unit, 0))

    def moved(steps):
        runner = Through()
        runner.steps = steps
        return examined(test_gradients.linear_in_cotangent, name, runner)

    assert isinstance(moved(13), Conforms)
    assert isinstance(moved(15), Deviates)


@pytest.mark.parametrize("name", ["gradients/weight-gradient", "gradients/pos-weight-gradient"])
def test_the_gradient_of_a_broadcast_weight_is_a_sum(name: str) -> None:
    """14 ulp of the sum of the largest terms are allowed it."""
    case = next(each for each in cases.load_all() if each.id.startswith(name) and "G9" in each.clauses)
    operand = "pos_weight" if "pos-weight" in name else "weight"
    shape = case.texts[operand].shape
    rows = np.array(list(case.elements(FLOAT32))).T

    def summed(values):
        values = np.reshape(values, case.shape)
        axes = tuple(range(values.ndim - len(shape)))
        values = values.sum(axis=axes)
        return values.sum(axis=tuple(i for i, size in enumerate(shape) if size == 1), keepdims=True)

    exact = summed(case.exact(f"{operand}_gradient", FLOAT32).approximate())
    unit = ulp(summed(operator.largest_term(f"{operand}_gradient", *rows)))

    def moved(steps):
        runner = Made()
        runner.run = lambda *_: np.float32(exact + steps * unit)
        return examined(test_gradients.weight_gradients, case.id, runner)

    assert isinstance(moved(13), Conforms)
    assert isinstance(moved(15), Deviates)


def test_a_weight_that_cannot_be_differentiated_is_told_from_other_errors() -> None:
    """By the framework's own words: it is refused, not wrong."""
    name = next(each.id for each in cases.load_all() if "G9" in each.clauses)

    def failing(message):
        def run(*_):
            raise RuntimeError(message)

        runner = Made()
        runner.run = run
        return examined(test_gradients.weight_gradients, name, runner)

    for message in ("not differentiable", "no derivative"):
        with pytest.raises(NotOffered, match=f"with respect to .*weight: RuntimeError: {message}"):
            failing(message)
    with pytest.raises(Disconnected, match="weight is taken for a constant"):
        failing("element 0 of tensors does not require grad")
    with pytest.raises(RuntimeError, match="boom"):
        failing("boom")


def test_forward_mode_says_whether_it_equals_reverse_mode() -> None:
    """Bit for bit, within the bound."""
    name = next(each.id for each in cases.load_all() if "G7" in each.clauses)

    def factor(size):
        class Forward(Shown):
            def run(self, call, quantity="loss", wrt="logits"):
                values = super().run(call, quantity, wrt)
                first = np.arange(values.size).reshape(values.shape) == 0
                return np.where(first, np.float32(values * size), values) if quantity == "tangent" else values

        return examined(test_gradients.forward_mode, name, Forward(name, lambda values: values))

    assert factor(1).measures["equal_to_reverse_mode"] is True
    for size in (1 + 2.0**-22, 1 - 2.0**-22):
        assert factor(size).measures["equal_to_reverse_mode"] is False
    assert isinstance(factor(1 + 2.0**-18), Deviates)


def test_both_weights_have_gradients() -> None:
    """The first one being right does not excuse the second."""
    case = cases.named("gradients/weight-and-pos-weight-gradients")

    def run(broken):
        def answer(_call, _quantity, wrt):
            exact = case.exact(f"{wrt}_gradient", FLOAT32).approximate().reshape(case.texts[wrt].shape)
            return np.float32(exact * (2 if wrt == broken else 1))

        runner = Made()
        runner.run = lambda call, quantity, wrt="logits": answer(call, quantity, wrt)
        return examined(test_gradients.weight_gradients, case.id, runner)

    assert isinstance(run(""), Conforms)
    assert isinstance(run("weight"), Deviates)
    assert isinstance(run("pos_weight"), Deviates)


def test_ten_million_elements_have_the_bound_of_so_many() -> None:
    """12 for the elements, 24 for a pairwise sum, 12 for blocks, 1 more; repeats are elements."""

    def moved(steps):
        def run(_call, _quantity):
            exact = 10_000_000 * math.log(2) / (10_000_000 if _call.reduction == "mean" else 1)
            return np.float32(exact + steps * ulp(np.float64(exact)))

        runner = Made()
        runner.run = run
        return examined(test_reductions.large, "reductions/large-log-two", runner)

    assert isinstance(moved(48), Conforms)
    assert isinstance(moved(50), Deviates)


def test_a_reduction_that_is_not_offered_excuses_no_other() -> None:
    """Without any, the first reason is told."""
    case = "reductions/worked-example"

    def offering(*names):
        runner = Made(lambda _q, values, _x, _z: values * (1 if values.ndim else 2))
        offered = {name: each for name, each in runner.implementation.reductions.items() if name in names}
        runner.implementation = dataclasses.replace(runner.implementation, reductions=offered)
        return examined(test_reductions.small, case, runner)

    assert isinstance(offering("none"), Conforms)
    assert isinstance(offering("none", "mean"), Deviates)
    without = dataclasses.replace(cases.named(case), reductions=("sum", "mean"))
    runner = Made()
    runner.implementation = dataclasses.replace(runner.implementation, reductions={})
    with pytest.raises(NotOffered, match="no reduction 'sum'"):
        test_reductions.small(Examination(runner, without, None))


def test_whole_losses_are_asked_of_those_only_who_have_them() -> None:
    """A sum of elements that are a little off is not exact; of those that are not off, nothing is left out."""
    name = "reductions/whole-three"

    def made(size, total=math.fsum):
        return Made(lambda _q, values, *_: values * (size if values.ndim else 1), total=total)

    assert isinstance(examined(test_reductions.whole, name, made(1.0)), Conforms)
    assert isinstance(examined(test_reductions.whole, name, made(1.0, lambda each: math.fsum(each) * 1.001)), Deviates)
    with pytest.raises(NotOffered, match="not the whole numbers"):
        examined(test_reductions.whole, name, made(1 + 2.0**-22))


def refusing_tangents(*refused, wrong=()):
    """A subject that computes forward mode along weights, refuses some of them, and doubles some."""
    case = cases.named("gradients/weight-and-pos-weight-gradients")

    class Forward(Shown):
        def run(self, _call, _quantity="loss", wrt="logits"):
            if wrt in refused:
                raise NotOffered(f"no forward mode along {wrt}")
            exact = case.exact(f"{wrt.removesuffix('s')}_gradient", FLOAT32).approximate()
            return np.float32(exact * (2 if wrt in wrong else 1))

    return examined(test_gradients.forward_mode_along_others, case.id, Forward(case.id, lambda values: values))


def test_forward_mode_along_each_operand_that_has_it() -> None:
    """One that is refused excuses no other; if all are, the first reason is told."""
    assert isinstance(refusing_tangents(), Conforms)
    assert isinstance(refusing_tangents("weight"), Conforms)
    assert isinstance(refusing_tangents("pos_weight"), Conforms)
    for wrong, refused in (("weight", "pos_weight"), ("pos_weight", "weight")):
        found = refusing_tangents(refused, wrong=(wrong,))
        assert found.detail.startswith(f"along {wrong}: ")
    with pytest.raises(NotOffered, match="along weight"):
        refusing_tangents("weight", "pos_weight")


@pytest.mark.parametrize(("reduction", "ulps"), [("sum", 2.5), ("mean", 2 + 1 + 2)])
def test_a_reduction_of_whole_losses_may_be_as_far_as_its_bound(reduction: str, ulps: float) -> None:
    """Of three numbers whose sum is 160: a mean has the roundings of products, a sum has none."""
    name, unit = "reductions/whole-three", {"sum": 2.0**-16, "mean": 2.0**-18}[reduction]

    def moved(steps):
        class Moved(Made):
            def run(self, call, quantity="loss", wrt="logits"):
                values = super().run(call, quantity, wrt)
                if quantity != "loss" or call.reduction != reduction:
                    return values
                exact = Fraction(160, 1 if reduction == "sum" else 3)
                return np.float32(round(float(exact) / unit + steps) * unit)

        return examined(test_reductions.whole, name, Moved())

    for sign in (-1, 1):
        assert isinstance(moved(sign * (math.floor(ulps) - (reduction == "mean"))), Conforms)
        assert isinstance(moved(sign * (math.floor(ulps) + 1)), Deviates)


def test_whole_losses_are_rounded_once() -> None:
    """One that is an ULP off is not the whole number."""
    off = Made(lambda _q, values, *_: values * (1 + 2.0**-23 if values.ndim else 1))
    with pytest.raises(NotOffered, match="not the whole numbers"):
        examined(test_reductions.whole, "reductions/whole-three", off)


def test_a_whole_loss_is_whole_within_half_an_ulp_of_the_smallest() -> None:
    """Where the exact one is a tail: half an ULP of 64 is rounding, the next number is not."""
    name, half = "reductions/whole-three", 2.0**-18

    def tail(size):
        return Made(lambda which, values, *_: np.where((values < 1) & (which == "loss"), size, values))

    assert isinstance(examined(test_reductions.whole, name, tail(half)), Conforms)
    with pytest.raises(NotOffered, match="not the whole numbers"):
        examined(test_reductions.whole, name, tail(float(np.nextafter(np.float32(half), np.float32(1)))))

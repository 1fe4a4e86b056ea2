"""Checks of single elements and of reductions, from both sides of what they allow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from conformance import case as cases
from conformance.outcome import Conforms, Deviates
from conformance.suite import test_gradients, test_reductions, test_values
from tests.test_bounds import FLOAT32, Moved
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


def test_a_gradient_at_zero_is_exact() -> None:
    """A neighbour is not; a value beyond every bound is called by what it is."""
    name, check = "gradients/negative-zero-logit", test_gradients.exact_at_zero
    assert isinstance(shown(check, name), Conforms)
    assert shown(check, name, lambda values: values * (1 + 2.0**-23)).signature == "not-exact"
    assert shown(check, name, lambda values: 0 * values - 1).signature != "not-exact"


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
    ("value", "signature"), [(math.nan, "nan"), (math.inf, "overflow"), (0.0, "wrong-value"), (5.0, "")]
)
def test_a_mean_that_overflowed_is_infinite_or_nan_or_zero(value: float, signature: str) -> None:
    """Nothing else is asked of it here."""
    runner = Made()
    runner.run = lambda *_: np.float16(value)

    assert examined(test_reductions.no_overflow, "reductions/half-mean-of-misses", runner).signature == signature

"""From errors to outcomes: which elements fail, which is the worst, and what its failure is called."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import Exact
from conformance.arithmetic.ulp import Kind, measure
from conformance.spec.bounds import Bound
from conformance.spec.outcome import Conforms, Deviates
from conformance.spec.verdict import both, measures, outcome, signature, within, worst

STEP = 2.0**-23  # an ulp of 1 in float32
SUBNORMAL = Fraction(2) ** -140


def errors(*elements, scale=1.0):
    """Elements of float32: got, exact."""
    got, exact = zip(*elements, strict=True)
    return measure(np.array(got), Exact.of(exact), np.full(len(got), scale), DTYPES["float32"])


def ones(*steps, scale=1.0):
    """Results that are so many ulp above an exact 1."""
    return errors(*((1 + each * STEP, Fraction(1)) for each in steps), scale=scale)


@pytest.mark.parametrize("name", ["scaled", "result"])
def test_a_bound_is_within_itself(name: str) -> None:
    """An error of exactly the bound conforms, one step more does not."""
    bound = Bound(3, name, "")

    assert isinstance(within(ones(0, 3, 1), bound), Conforms)
    assert isinstance(within(ones(0, 4, 1), bound), Deviates)


def test_each_bound_looks_at_its_own_measure() -> None:
    """Beside a term of 16 an error of 16 ulp of the result is one of the term."""
    found = ones(16, scale=16.0)

    assert isinstance(within(found, Bound(1, "scaled", "")), Conforms)
    assert isinstance(within(found, Bound(15, "result", "")), Deviates)


def test_a_flushed_subnormal_is_within_every_bound() -> None:
    """It is another clause's matter; a subnormal that is wrong is not."""
    assert isinstance(within(errors((0.0, SUBNORMAL)), Bound(4, "result", "")), Conforms)
    assert isinstance(within(errors((2.0**-130, SUBNORMAL)), Bound(4, "result", "")), Deviates)


@pytest.mark.parametrize(
    ("got", "exact", "scale", "name"),
    [
        (math.nan, 1, 1.0, "nan"),
        (1.0, math.nan, 1.0, "nan-lost"),
        (1.0, math.inf, 1.0, "limit-lost"),
        (math.inf, 1, 1.0, "overflow"),
        (0.0, SUBNORMAL, 0.0, "flushed"),
        (-1.0, 1, 1.0, "wrong-sign"),
        (-STEP, Fraction(STEP), 1.0, "lost-tail"),  # the sign of what cancelled says nothing
        (0.0, Fraction(STEP), 1.0, "lost-tail"),
        (0.0, 1, 1.0, "wrong-value"),
        (0.5, 1, 1.0, "wrong-value"),
        (0.5 + STEP, 1, 1.0, "off-by-ulps"),
        (1 + 13 * STEP, 1, 1.0, "off-by-ulps"),
        (1 + 12 * STEP, 1, 1.0, "lost-bits"),
        (1 + 13 * STEP, 1, 2.0, "lost-bits"),
        (0.0, -1, 1.0, "wrong-value"),
    ],
)
def test_an_element_is_called_by_how_it_is_wrong(got: float, exact: float, scale: float, name: str) -> None:
    """At the borders between one name and the next."""
    exact = exact if isinstance(exact, float) else Fraction(exact)

    assert signature(errors((got, exact), scale=scale), 0) == name


def test_the_worst_signature_names_the_case_and_the_worst_element_shows_it() -> None:
    """Severity first, then the size of the error; the others are counted."""
    found = errors((1 + 20 * STEP, Fraction(1)), (0.0, Fraction(1)), (0.25, Fraction(2)), (1.0, Fraction(1)))
    verdict = within(found, Bound(4, "result", ""), (np.array([5.0, 6, 7, 8]), np.array([0.0, 1, 0.5, 1])))

    assert isinstance(verdict, Deviates)
    assert (verdict.signature, verdict.measures["failing"]) == ("wrong-value", 3)
    assert "(3 of 4 elements fail)" in verdict.detail
    assert (verdict.worst.index, verdict.worst.logit, verdict.worst.label) == (1, "0x1.8p+2", "0x1p+0")
    assert (verdict.worst.got, verdict.worst.exact) == ("0x0p+0", "0x1p+0")
    assert (verdict.worst.result_ulp, verdict.worst.scaled_ulp) == (2.0**23, 2.0**23)


def test_nan_is_worse_than_any_number_and_the_largest_of_one_kind_is_shown() -> None:
    """Infinitely wrong elements are larger than finite ones."""
    verdict = outcome(errors((0.0, Fraction(1)), (math.nan, Fraction(1))), np.array([False, False]))
    assert (verdict.signature, verdict.worst.index) == ("nan", 1)

    verdict = outcome(ones(20, 30, 25), np.zeros(3, bool))
    assert (verdict.signature, verdict.worst.index) == ("off-by-ulps", 1)

    verdict = outcome(
        errors((1 + 20 * STEP, Fraction(1)), (math.nan, Fraction(1))), np.zeros(2, bool), forced="negative"
    )
    assert (verdict.signature, verdict.worst.index) == ("negative", 1)


@pytest.mark.parametrize(("name", "index"), [("scaled", 1), ("result", 0)])
def test_a_case_that_conforms_shows_its_largest_error(name: str, index: int) -> None:
    """In the measure of its bound; what is not a number is not the largest."""
    found = errors((STEP, Fraction(0)), (1 + 3 * STEP, Fraction(1)), (math.inf, math.inf))
    found = measure(found.got, found.exact, np.array([2.0**10, 1.0, 1.0]), found.dtype)

    assert outcome(found, np.ones(3, bool), None, Bound(4, name, "")).worst.index == index


def test_nothing_has_no_worst_element() -> None:
    """An empty result conforms."""
    nothing = measure(np.empty(0), Exact.of([]), np.empty(0), DTYPES["float32"])

    assert outcome(nothing, np.ones(0, bool)) == Conforms({"elements": 0}, None)
    assert worst(nothing, 0, None) is None


def test_what_is_measured_is_recorded() -> None:
    """The largest distances of elements that are numbers, and how many were flushed."""
    found = errors((1 + 2 * STEP, Fraction(1)), (0.0, SUBNORMAL), (0.0, SUBNORMAL), (math.inf, math.inf), scale=2.0)
    assert measures(found) == {"elements": 5 - 1, "max_result_ulp": 2.0, "max_scaled_ulp": 1.0, "flushed": 2}
    assert (found.kind == [Kind.DISTANCE, Kind.FLUSHED, Kind.FLUSHED, Kind.SAME]).all()
    assert measures(errors((math.inf, math.inf))) == {"elements": 1}
    assert measures(errors((math.nan, Fraction(1)))) == {"elements": 1}


def test_an_element_without_inputs_is_shown_by_its_result() -> None:
    """A reduction has no logit and no label."""
    shown = worst(ones(1), 0, None)

    assert (shown.logit, shown.label, shown.got) == ("", "", "0x1.000002p+0")


def test_how_much_of_a_bound_was_used_is_recorded() -> None:
    """By the bound's own measure, of what has a distance; a flushed subnormal has none."""
    assert measures(ones(0, 3, 1), Bound(12, "result", ""))["of_bound"] == 0.25
    assert measures(ones(16, scale=16.0), Bound(4, "scaled", ""))["of_bound"] == 0.25
    assert measures(ones(16, scale=16.0), Bound(4, "result", ""))["of_bound"] == 4
    assert "of_bound" not in measures(errors((0.0, SUBNORMAL)), Bound(4, "result", ""))
    assert "of_bound" not in measures(ones(1))
    assert within(ones(6), Bound(4, "result", "")).measures["of_bound"] == 1.5


def test_of_what_is_not_judged_nothing_is_asked_and_nothing_recorded() -> None:
    """Neither its error nor its place."""
    found, judged = ones(1, 90, 2), np.array([True, False, True])
    verdict = outcome(found, np.array([True, False, True]), bound=Bound(4, "result", ""), judged=judged)

    assert isinstance(verdict, Conforms)
    assert verdict.measures == {"elements": 2, "max_result_ulp": 2.0, "max_scaled_ulp": 2.0, "of_bound": 0.5}
    assert verdict.worst.index == 2
    wrong = outcome(found, np.array([False, False, True]), bound=Bound(4, "result", ""), judged=judged)
    assert (wrong.measures["failing"], wrong.worst.index) == (1, 0)
    nothing = outcome(found, np.array([False] * 3), judged=np.array([False] * 3))
    assert nothing.measures == {"elements": 0}


def test_several_results_have_one_verdict() -> None:
    """The first that deviates, or the one that came nearest to its bound; what follows a deviation is not computed."""
    bound = Bound(4, "result", "")
    low, high, bad = (within(ones(steps), bound) for steps in (1, 3, 9))

    def failing():
        yield low
        yield bad
        raise AssertionError

    assert both([low, high]) is both([high, low]) is high
    assert both(failing()) is bad
    assert both([]) == Conforms()
    plain, exact = Conforms({"observed": "no number"}), within(ones(0), bound)
    assert both([low, plain]) is low
    assert both([plain]) is plain
    assert both([exact, plain]) is both([plain, plain]) is plain


def test_an_exact_result_is_shown_before_what_is_not_judged() -> None:
    """Wherever it stands; if nothing is judged, the first element is shown."""
    exact = ones(0, 0, 0)

    for place in range(3):
        judged = np.arange(3) == place
        assert outcome(exact, np.ones(3, bool), judged=judged).worst.index == place
    assert outcome(exact, np.ones(3, bool), judged=np.zeros(3, bool)).worst.index == 0


def test_of_very_many_failures_the_furthest_are_looked_at() -> None:
    """All are counted; which one is worst is looked for among the 4,096 that are furthest off, NaN before all."""
    steps = np.full(5000, 20.0)
    steps[4500], steps[4600] = 25, 22
    passed = np.zeros(5000, bool)
    found = ones(*steps)
    verdict = outcome(found, passed, bound=Bound(4, "result", ""))
    assert (verdict.worst.index, verdict.measures["failing"]) == (4500, 5000)
    # A change of sign is worse than more ULP; it is seen if it is among those.
    for wrong, name in ((-1.0, "wrong-sign"), (math.nan, "nan")):
        got = found.got.copy()
        got[4999] = wrong
        again = measure(got, found.exact, np.ones(5000), found.dtype)
        assert outcome(again, passed, bound=Bound(4, "result", "")).signature == name


@pytest.mark.parametrize(("count", "seen"), [(4096, True), (4097, False)])
def test_up_to_4096_failures_are_all_looked_at(count: int, seen: bool) -> None:
    """A loss of the tail is worse than a loss of bits, and nearer in scaled ULP; the last of the furthest is not it."""
    elements = [(1 + 20 * STEP, Fraction(1))] * (count - 1) + [(0.0, Fraction(STEP))]
    found = errors(*elements)
    found = measure(found.got, found.exact, np.ones(count), found.dtype)
    verdict = outcome(found, np.zeros(count, bool), bound=Bound(0.5, "scaled", ""))

    assert (verdict.signature == "lost-tail") == seen
    assert verdict.measures["failing"] == count

"""Error measures: distances in each dtype, and the kinds that are not distances."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import Exact, Real, total
from conformance.arithmetic.ulp import Errors, Kind, measure, ulps


def one(got: float, exact: Real, dtype: str = "float32", scale: float = 0.0) -> Errors:
    """Measure a single element."""
    return measure(np.array([got]), Exact.of([exact]), np.array([scale]), DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda dtype: dtype.name)
def test_the_next_number_is_one_ulp_away(dtype) -> None:
    """In every format, at 1 and just below a power of two."""
    step = 2.0 ** (1 - dtype.precision)

    assert one(1 + step, Fraction(1), dtype.name).result_ulp == [1]
    assert one(1.0, Fraction(1) - Fraction(step) / 2, dtype.name).result_ulp == [1]


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda dtype: dtype.name)
def test_the_ulp_of_a_value_is_the_step_beside_it(dtype) -> None:
    """Of subnormal numbers, that of the smallest normal one."""
    values = np.array([1.0, -1.5, 2.0, dtype.smallest_normal, dtype.smallest, 0.0])
    step = 2.0 ** (1 - dtype.precision)

    assert ulps(values, dtype).tolist() == [step, step, 2 * step, *[dtype.smallest] * 3]


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda dtype: dtype.name)
def test_subnormals_are_measured_in_the_smallest_step(dtype) -> None:
    """The ulp does not shrink below the smallest subnormal."""
    assert one(3 * dtype.smallest, Fraction(dtype.smallest), dtype.name).result_ulp == [2]


def test_float64_errors_are_seen_beyond_float64() -> None:
    """A quarter of an ulp is measured as such."""
    exact = Fraction(1) + Fraction(1, 2**54)

    assert one(1.0, exact, "float64").result_ulp == [0.25]
    assert one(1.0, Fraction(1) + Fraction(1, 2**80), "float64").result_ulp[0] == pytest.approx(2**-28)
    assert one(1 + 2.0**-52, exact, "float64").result_ulp == [0.75]
    tiny = Fraction(1, 2**1000)
    assert one(float(tiny), tiny * (1 + Fraction(1, 2**80)), "float64").result_ulp[0] == pytest.approx(2**-28)


def test_scaled_ulp_takes_the_largest_term() -> None:
    """An error of one ulp of 16 is 2^4 ulps of a result near 1 and one ulp of the term."""
    errors = one(1 + 2.0**-19, Fraction(1), scale=16.0)

    assert (errors.result_ulp[0], errors.scaled_ulp[0]) == (16, 1)


def test_a_result_beside_an_exact_one_below_every_dtype_is_measured() -> None:
    """e^-1000 is as good as zero: another result is as far from it as it is from zero, not infinitely far."""
    errors = one(2.0**-19, Fraction(1, 2**1442), scale=1.0)

    assert (errors.result_ulp[0], errors.scaled_ulp[0]) == (2.0**130, 16)
    assert one(0.0, Fraction(1, 2**1442), scale=1.0).result_ulp < 1e-300
    assert one(3 * 2.0**-1074, Fraction(1, 2**1073), "float64").result_ulp == [1]


@pytest.mark.parametrize(
    ("got", "exact", "kind"),
    [
        (math.nan, Fraction(1), Kind.NAN),
        (1.0, math.nan, Kind.NAN_LOST),
        (math.nan, math.nan, Kind.SAME),
        (math.inf, math.inf, Kind.SAME),
        (-math.inf, math.inf, Kind.LIMIT_LOST),
        (3e38, math.inf, Kind.LIMIT_LOST),
        (math.inf, Fraction(1), Kind.OVERFLOW),
        (math.inf, Fraction(10) ** 39, Kind.SAME),
        (-math.inf, Fraction(10) ** 39, Kind.OVERFLOW),
        (0.0, Fraction(2) ** -140, Kind.FLUSHED),
        (2.0**-126, Fraction(2) ** -140, Kind.FLUSHED),
        (0.0, Fraction(2) ** -151, Kind.DISTANCE),
        (0.0, Fraction(2) ** -100, Kind.DISTANCE),
        (0.0, Fraction(0), Kind.DISTANCE),
        (2.0**-126, Fraction(0), Kind.DISTANCE),
        (0.0, Fraction(2) ** -126, Kind.DISTANCE),
        (0.0, Fraction(2) ** -126 - Fraction(2) ** -149, Kind.FLUSHED),
        (0.0, Fraction(2) ** -150, Kind.DISTANCE),
        (0.0, Fraction(2) ** -150 + Fraction(2) ** -170, Kind.FLUSHED),
        (2.0**-149, Fraction(2) ** -140, Kind.DISTANCE),
        (-(2.0**-126), Fraction(-2) ** -139, Kind.FLUSHED),
        (-0.0, Fraction(-2) ** -139, Kind.FLUSHED),
        (2.0**-125, Fraction(2) ** -140, Kind.DISTANCE),
        (-(2.0**-140), Fraction(2) ** -140, Kind.DISTANCE),
        (-math.inf, -(Fraction(10) ** 39), Kind.SAME),
        (math.inf, -(Fraction(10) ** 39), Kind.OVERFLOW),
        (-math.inf, Fraction(-1), Kind.OVERFLOW),
        (-math.inf, -math.inf, Kind.SAME),
        (math.inf, -math.inf, Kind.LIMIT_LOST),
        (math.nan, math.inf, Kind.NAN),
        (math.inf, math.nan, Kind.NAN_LOST),
        (0.0, math.inf, Kind.LIMIT_LOST),
        (3e38, Fraction(10) ** 39, Kind.DISTANCE),
    ],
)
def test_kinds(got: float, exact: Real, kind: Kind) -> None:
    """NaN, infinities, overflow and flushed subnormals are told apart in float32."""
    assert one(got, exact).kind[0] == kind


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda dtype: dtype.name)
def test_infinity_for_the_largest_number_is_an_overflow(dtype) -> None:
    """In float64 too, where half an ulp above it cannot be written as a float."""
    assert one(math.inf, Fraction(dtype.largest), dtype.name).kind[0] == Kind.OVERFLOW


def test_broken_elements_are_infinitely_far() -> None:
    """So no bound lets them through."""
    assert one(math.nan, Fraction(1)).scaled_ulp == [math.inf]


def test_each_kind_is_its_own() -> None:
    """Sweeps and checks compare their numbers: from NAN on there is no distance."""
    assert [kind.name for kind in sorted(Kind)] == [
        "DISTANCE", "SAME", "FLUSHED", "NAN", "NAN_LOST", "LIMIT_LOST", "OVERFLOW",
    ]  # fmt: skip
    assert [*map(int, Kind)] == [*range(7)]
    assert one(0.0, Fraction(2) ** -140).result_ulp == [2.0**9]


def test_what_is_the_same_is_no_distance_away() -> None:
    """The same infinity, and NaN for NaN."""
    assert one(math.inf, math.inf).result_ulp == one(math.nan, math.nan).scaled_ulp == [0]
    assert one(1.0, math.nan).result_ulp == one(0.0, -math.inf).scaled_ulp == [math.inf]


def test_signs_are_measured_alike() -> None:
    """A negative number, and a number on the other side of zero."""
    step = 2.0**-23

    assert one(-1 - 3 * step, Fraction(-1), scale=-2.0).result_ulp == [3]
    assert one(-1 - 4 * step, Fraction(-1), scale=-2.0).scaled_ulp == [2]
    assert one(-step, Fraction(step)).result_ulp == [2.0**24]


@pytest.mark.parametrize("scale", [0.0, 2.0**-60, math.inf, math.nan])
def test_without_a_larger_term_the_result_is_the_scale(scale: float) -> None:
    """Where the term is smaller, or is no number."""
    assert one(1 + 2.0**-21, Fraction(1), scale=scale).scaled_ulp == [4]


def test_beside_an_exact_zero_the_ulp_is_the_smallest() -> None:
    """Or that of the term."""
    assert one(2.0**-140, Fraction(0)).result_ulp == [2.0**9]
    assert one(2.0**-23, Fraction(0), scale=1.0).scaled_ulp == [1]


def test_the_largest_numbers_have_the_largest_ulp() -> None:
    """An exact result beyond them is measured in it."""
    assert one(2.0**127, Fraction(2) ** 129).result_ulp == [3 * 2.0**23]


def test_elements_are_taken_with_all_that_belongs_to_them() -> None:
    """By a slice, or by their places."""
    found = measure(np.array([1.0, 2, 4]), Exact.of(map(Fraction, (1, 1, 1))), np.array([1.0, 2, 4]), DTYPES["float32"])

    assert len(found) == 3
    for each in (found[1:], found[np.array([1, 2])]):
        assert each.got.tolist() == [2, 4]
        assert each.result_ulp.tolist() == [2.0**23, 3 * 2.0**23]
        assert each.scaled_ulp.tolist() == [2.0**22, 3 * 2.0**21]
        assert (len(each.exact), each.kind.tolist(), each.dtype) == (2, [0, 0], DTYPES["float32"])


def test_exact_sums_follow_ieee_for_special_values() -> None:
    """NaN wins, opposite infinities cancel to NaN, one infinity stays."""
    assert math.isnan(total([math.nan, Fraction(1)]))
    assert math.isnan(total([math.inf, -math.inf]))
    assert total([math.inf, Fraction(1)]) == math.inf
    assert total([Fraction(1, 3), Fraction(2, 3)]) == 1

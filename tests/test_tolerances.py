"""The numbers of spec.py, written down once more: the bound of each clause, and those that depend on a size."""

from __future__ import annotations

import dataclasses

import pytest

from conformance.spec.bounds import (
    CONFIGURED,
    CONFIGURED_FORWARD,
    FLUSHED_BELOW,
    HALF,
    HALF_SUMMATION,
    WHOLE,
    Bound,
    added,
    careless_summation,
    large_summation,
    mean_agreement,
    summation,
    whole_mean,
)
from conformance.spec.clauses import CLAUSES

SCALED = {
    12: "V2 V4 V5 G1 G5 G7 G10 S2 S3 S5 S7 S8 D1 D3 D4 D5 L7 E2",
    1.5: "G3",
    20: "G6 R1 R5",
    14: "G8 G9 G12 G13 W1 W2 W3 W4 W5 W6 W7 W8 P3 P7",
    12 + 127 + 1: "R2",
    12 + 24 + 12 + 1: "R3",
    13: "R4",
    12 + 12_650 + 1: "R6",
    24: "L2 L3 L9",
    16: "P1 P4",
    17: "C1 C2",
    25: "C3",
}
RESULT = {10: "V3 G2", 7: "V6", 4: "V7", 20: "G11 L1", 2.5: "R7", 8: "P2", 6.5: "P6", 13: "C6"}
WIDE = (24, 25, 53)


def test_each_clause_has_the_bound_that_is_written_here() -> None:
    """And no other clause has one."""
    written = {
        clause: (ulps, measure)
        for measure, table in (("scaled", SCALED), ("result", RESULT))
        for ulps, clauses in table.items()
        for clause in clauses.split()
    }

    assert {each.id: (each.bound.ulps, each.bound.measure) for each in CLAUSES.values() if each.bound} == written


def test_bounds_and_clauses_cannot_be_changed() -> None:
    """A check that moved its bound would move everybody's."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONFIGURED.ulps = 18
    with pytest.raises(dataclasses.FrozenInstanceError):
        CLAUSES["V2"].bound = None


@pytest.mark.parametrize("n", [2, 1000, 10_000_000])
def test_a_format_of_less_than_24_bits_is_a_storage_format(n: int) -> None:
    """Its sums are accumulated in a wider one, whatever their size."""
    assert HALF == 24
    assert (HALF_SUMMATION.ulps, HALF_SUMMATION.measure) == (13, "scaled")
    for precision in (8, 11, 23):
        for each in (summation, large_summation, careless_summation):
            assert each(n, precision) is HALF_SUMMATION
        assert whole_mean(n, precision) is WHOLE
    for precision in WIDE:
        for each in (summation, large_summation, careless_summation):
            assert each(n, precision).ulps > 13
        assert whole_mean(n, precision) is not WHOLE


@pytest.mark.parametrize("precision", WIDE)
def test_any_order_of_summation_costs_an_ulp_an_addition(precision: int) -> None:
    """Beside the elements' 12 and the division's 1."""
    assert [summation(n, precision).ulps for n in (2, 3, 100)] == [14, 15, 112]
    assert summation(2, precision).measure == "scaled"


@pytest.mark.parametrize("precision", WIDE)
def test_pairwise_summation_costs_the_logarithm(precision: int) -> None:
    """Rounded up: powers of two are the last ones with theirs."""
    assert [large_summation(n, precision).ulps for n in (2, 3, 4, 5, 1024, 1025)] == [26, 27, 27, 28, 35, 36]
    assert large_summation(2, precision).measure == "scaled"


@pytest.mark.parametrize(("precision", "last"), [(24, 4097), (25, 5793), (53, 94_906_266)])
def test_where_the_worst_case_takes_half_of_the_digits_roundings_count_as_independent(
    precision: int, last: int
) -> None:
    """(n - 1) u reaches the root of u: from there on four times the root of n."""
    drift = {24: 257, 25: 305, 53: 38_968}[precision]

    assert careless_summation(last, precision).ulps == 12 + last
    assert careless_summation(last + 1, precision).ulps == 12 + drift + 1
    assert careless_summation(last, precision).measure == careless_summation(last + 1, precision).measure == "scaled"


def test_roundings_that_are_independent_are_rounded_up() -> None:
    """4 sqrt(n), of a square and of the number after it."""
    assert [careless_summation(n, 24).ulps for n in (10**6, 10**6 + 1)] == [4013, 4014]


@pytest.mark.parametrize("precision", WIDE)
def test_a_mean_of_whole_losses_may_lose_what_a_sum_of_products_does(precision: int) -> None:
    """1 / n, the products with it, and their sum, by the result's own ULP."""
    assert [whole_mean(n, precision).ulps for n in (2, 3, 1000)] == [1 + 1 + 2, 2 + 1 + 2, 999 + 1 + 2]
    assert whole_mean(2, precision).measure == "result"
    assert whole_mean(10**6, 24).ulps == 4000 + 1 + 2
    assert (WHOLE.ulps, WHOLE.measure) == (2.5, "result")


@pytest.mark.parametrize("measure", ["scaled", "result"])
def test_what_is_added_up_may_lose_what_a_sum_does(measure: str) -> None:
    """Beyond the bound of an element, in its measure; nothing where the accumulator is wide but one rounding."""
    element = Bound(17, measure, "an element")

    assert [added(element, n, 24).ulps for n in (1, 2, 100, 10**6)] == [18, 19, 117, 4018]
    assert [added(element, n, 11).ulps for n in (1, 2, 100, 10**6)] == [18] * 4
    assert added(element, 3, 24).measure == measure
    assert added(element, 3, 24).derivation == "an element; 3 of them added and divided 3"
    assert (CONFIGURED_FORWARD.ulps, CONFIGURED_FORWARD.measure) == (19, "scaled")


def test_two_means_may_differ_by_twice_the_bound_of_one() -> None:
    """Each is summed in blocks or in pairs."""
    assert mean_agreement(40_961, 24).ulps == 2 * (12 + 16 + 12 + 1)
    assert mean_agreement(40_961, 11).ulps == 2 * 13
    assert mean_agreement(40_961, 24).measure == "scaled"


def test_what_lies_below_twice_the_smallest_normal_number_may_be_flushed() -> None:
    """Where documentation says so."""
    assert FLUSHED_BELOW == 2

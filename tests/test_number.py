"""Numbers as text, and rounding."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.arithmetic.dtype import DTYPES, floor_log2
from conformance.arithmetic.number import float_text, hex_text, parse, rounded


@given(st.floats(allow_nan=False))
def test_every_float_survives_the_round_trip(value: float) -> None:
    """Bit for bit, the sign of zero included."""
    back = parse(float_text(value))

    assert float(back) == value
    assert math.copysign(1, float(back)) == math.copysign(1, value)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64), st.sampled_from(["float16", "float32", "bfloat16"]))
def test_rounding_is_the_hardware_s(value: float, name: str) -> None:
    """Exact rounding agrees with NumPy's and ml_dtypes' conversions."""
    dtype = DTYPES[name]
    with np.errstate(over="ignore"), warnings.catch_warnings(action="ignore"):
        expected = float(np.float64(value).astype(dtype.numpy))
        single = float(np.float32(value))
    # ml_dtypes rounds float64 to bfloat16 through float32, and may round twice.
    if name == "bfloat16" and single != value:
        return

    assert dtype.round(Fraction(value)) == expected


@pytest.mark.parametrize("text", ["", "1.2.3", "0x", "0xp1", "1e99999", "inf inf", "+-1", "0x1p9999999", "１", "1_0"])
def test_what_is_not_a_number_is_refused(text: str) -> None:
    """With the text in the message."""
    with pytest.raises(ValueError, match="is not a number"):
        parse(text)


def test_a_third_is_no_hex_float() -> None:
    """Only dyadic rationals are."""
    with pytest.raises(ValueError, match="not a dyadic rational"):
        hex_text(Fraction(1, 3))


def test_decimals_are_rounded_to_nearest_even_in_the_dtype() -> None:
    """0.1 has another value in each dtype, and a tie goes to the even neighbour."""
    assert {name: rounded("0.1", dtype) for name, dtype in DTYPES.items()} == {
        "float64": 0.1,
        "float32": float(np.float32(0.1)),
        "float16": float(np.float16(0.1)),
        "bfloat16": 0.10009765625,
    }
    assert rounded("2049", DTYPES["float16"]) == 2048
    assert rounded("65520", DTYPES["float16"]) == math.inf


@given(st.fractions().filter(bool))
def test_floor_log2_brackets_the_number(value: Fraction) -> None:
    """2^k <= |y| < 2^(k+1)."""
    exponent = floor_log2(value)

    assert Fraction(2) ** exponent <= abs(value) < Fraction(2) ** (exponent + 1)

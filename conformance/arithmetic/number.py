"""Numbers as text: decimals and hex floats of any length, exactly."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from conformance.arithmetic.dtype import Dtype, floor_log2
from conformance.storage import limits

PROVEN_BITS = 128  # mantissa bits of a stored golden: more than twice float64's 53
UNDERFLOW_EXPONENT = -16384  # below 2^-16384 every supported format rounds to zero
TINY = {1: "+tiny", -1: "-tiny"}  # a non-zero value below that
SPECIAL = {"inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "nan": math.nan}
_HEX = re.compile(r"([+-]?)0x([0-9a-f]+)(?:\.([0-9a-f]*))?p([+-]?\d{1,6})", re.IGNORECASE | re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,800}(\.\d{0,1100})?|\.\d{1,1100})(e[+-]?\d{1,4})?", re.IGNORECASE | re.ASCII)


def parse(text: str) -> Fraction | float:
    """The exact value of a decimal or hex float; infinities, NaN and -0.0 come back as floats.

    Raises ValueError for anything else.
    """
    if text in SPECIAL:
        return SPECIAL[text]
    if len(text) > limits.MOST_NUMBER_CHARACTERS:
        raise ValueError(f"a number has more than {limits.MOST_NUMBER_CHARACTERS} characters")
    if match := _HEX.fullmatch(text):
        sign, whole, part, exponent = match.groups()
        part = part or ""
        if abs(int(exponent)) > limits.MOST_EXPONENT:
            raise ValueError(f"the exponent of '{text}' is beyond {limits.MOST_EXPONENT}")
        value = Fraction(int(whole + part, 16)) * Fraction(2) ** (int(exponent) - 4 * len(part))
        negative = sign == "-"
        value = -value if negative else value
    elif _DECIMAL.fullmatch(text):
        value, negative = Fraction(text), text.startswith("-")
    else:
        raise ValueError(f"'{text}' is not a number")
    return -0.0 if negative and value == 0 else value


def rounded(text: str, dtype: Dtype) -> float:
    """The number rounded to nearest even in ``dtype``, as a Python float that holds it exactly."""
    value = parse(text)
    return value if isinstance(value, float) else dtype.round(value)


def hex_text(value: Fraction) -> str:
    """A dyadic rational as a hex float of as many digits as it needs; other rationals raise ValueError."""
    if value == 0:
        return "0x0p+0"
    if value.denominator & (value.denominator - 1):
        raise ValueError(f"{value} is not a dyadic rational")
    exponent = floor_log2(value)
    mantissa = abs(value) / Fraction(2) ** exponent
    digits = -(-(mantissa.denominator.bit_length() - 1) // 4)
    part = int((mantissa - 1) * 16**digits)
    text = f"0x1.{part:0{digits}x}" if digits else "0x1"
    return f"{'-' if value < 0 else ''}{text}p{exponent:+d}"


def float_text(value: float) -> str:
    """A float as hex text, shortest form; ``-0x0p+0``, ``inf`` and ``nan`` included."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "-0x0p+0" if math.copysign(1, value) < 0 else "0x0p+0"
    return hex_text(Fraction(value))

"""Error classes of a sweep: what every single element is counted as.

The first classes are distances in result ULP (arithmetic/ulp.py), the others kinds of their own. The first, at most
0.5, is what correct rounding gives: only a tie could be 0.5 and rounded otherwise, and both neighbours of a tie are
at 0.5.
"""

from __future__ import annotations

from conformance.arithmetic.dtype import Dtype

DISTANCES = 24  # <= 0.5, 1, 2, 4, ... 2**22: a quarter of float32's 2**24, which is half of any result
LOST, FLUSHED, WRONG_SIGN, NAN, NAN_LOST, LIMIT_LOST, OVERFLOW = range(DISTANCES, DISTANCES + 7)
SIZE = DISTANCES + 7

_KINDS = {
    LOST: "lost",
    FLUSHED: "flushed",
    WRONG_SIGN: "wrong-sign",
    NAN: "nan",
    NAN_LOST: "nan-lost",
    LIMIT_LOST: "limit-lost",
    OVERFLOW: "overflow",
}
# What a ledger may call an element of the class (spec/outcome.py): which of them it is depends on the largest
# term, and a sweep does not know it.
SIGNATURES = {
    LOST: ("lost-tail", "wrong-value"),
    FLUSHED: ("flushed",),
    WRONG_SIGN: ("wrong-sign", "negative", "wrong-value"),
    NAN: ("nan",),
    NAN_LOST: ("nan-lost",),
    LIMIT_LOST: ("limit-lost",),
    OVERFLOW: ("overflow",),
}
BEYOND = ("off-by-ulps", "lost-bits", "lost-tail")


def name(index: int) -> str:
    """The class as it is written: '<=0.5', '<=1', ... or the kind's name."""
    return _KINDS[index] if index >= DISTANCES else f"<={2.0 ** (index - 1):g}"


NAMES = tuple(name(index) for index in range(SIZE))


def half(dtype: Dtype) -> float:
    """The distance in ULP beyond which a result is lost: half of it, wherever in its binade it lies."""
    return 2.0 ** (dtype.precision - 2)


def signatures(index: int) -> tuple[str, ...]:
    """The signatures that a ledger may have for a class."""
    return SIGNATURES.get(index, BEYOND)

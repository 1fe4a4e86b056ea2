"""Oracle and error measure in one pass over float32 results: numba, one core, no lock held.

Where the exact result is as good as constant, or as the logit, equal errors are counted at once. Most other elements
are counted by comparisons alone, on errors rounded to float32, which the compiler makes vector instructions of: eight
at a time. Where an element of a group of GROUP is beyond the limit, not finite, or too near to a boundary for this, the
group is counted one by one, in float64. The worst distance is known to 2**-16 ulp, every class exactly.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from conformance.arithmetic.exact import Floats, Integers
from conformance.sweep.classes import DISTANCES, FLUSHED, LOST, NAN, OVERFLOW, WRONG_SIGN

GROUP = 1024
_DISTANCES, _LOST, _FLUSHED, _WRONG_SIGN, _NAN, _OVERFLOW = DISTANCES, LOST, FLUSHED, WRONG_SIGN, NAN, OVERFLOW
_BESIDE_ZERO = 4.0  # ulps of the exact result
_SMALLEST_NORMAL = 2.0**23  # in units of the smallest subnormal
ROUNDED = 2.0**-22  # more than an error of at most 2 changes when it is rounded to float32
NO_ERROR = 2.0**-20  # a distance of less is that from a limit which is a float (oracle.py), and nobody's worst
_int32, _float32 = numba.int32, numba.float32


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, inline="always")
def _distances(part, errors, row, sign, ramp, begin):  # type: ignore[no-untyped-def]
    """Into ``errors``: how far the results are from the piece's polynomial, in ulps."""
    step, inverse = row[0], row[2] * sign
    c0, c1, c2, c3, c4 = row[4], row[5], row[6], row[7], row[8]
    for j in range(part.shape[0]):
        t = ramp[j] * step + begin
        square = t * t
        y = (c0 + t * c1) + square * ((c2 + t * c3) + square * c4)
        errors[j] = abs(np.float64(part[j]) * inverse - y)


@numba.njit(nogil=True, cache=True, inline="always")
def thresholds(bound: Any) -> tuple[Any, ...]:
    """1/2, 1 and 2 ulps less what a rounded error may be off by, then the same and more, as float32.

    ``bound``: of the exact result in ulps, one or, through ``py_func``, an array of them.
    """
    slack = bound + ROUNDED
    return (
        np.float32(0.5 - slack), np.float32(1.0 - slack), np.float32(2.0 - slack),
        np.float32(0.5 + slack), np.float32(1.0 + slack), np.float32(2.0 + slack),
    )  # fmt: skip


@numba.njit(nogil=True, cache=True, inline="always")
def within(row: Any, limit: float) -> float:
    """The distance in ulps up to which it alone tells the class: beside 0 another result may have the wrong sign."""
    return 0.5 if row[4] < _BESIDE_ZERO else min(limit, 4.0)


@numba.njit(nogil=True, cache=True, inline="always")
def _slope(row):  # type: ignore[no-untyped-def]
    """By how many floats the exact result grows from logit to logit: 0, or 1 where it is the logit; -1: neither."""
    if row[6] == 0.0 and row[7] == 0.0 and row[8] == 0.0:
        if row[5] == 0.0:
            return _int32(0)
        if row[3] == 0.0 and row[5] * row[0] == 1.0:
            return _int32(1)
    return _int32(-1)


@numba.njit(nogil=True, cache=True)
def _equal_error(got, at, row, sign):  # type: ignore[no-untyped-def]
    """The distance in ulps of all results ``got`` (float32, n), where it is one and not near a boundary; else -1.

    ``at``: the first one's index in the block. ``row``: the piece's. ``sign``: measure's.
    """
    slope = _slope(row)
    if slope < 0:
        return -1.0
    bits = got.view(np.int32)
    first, differences = bits[0], _int32(0)
    if slope == 0:
        for j in range(bits.shape[0]):
            differences = _int32(differences | _int32(bits[j] ^ first))
    else:
        for j in range(bits.shape[0]):
            differences = _int32(differences | _int32(bits[j] - _int32(first + _int32(j))))
    if differences != 0:
        return -1.0
    # Beyond the end of a binade of results the same number of floats is another distance: both ends must agree.
    last = got.shape[0] - 1
    step, inverse, bound = row[0], row[2] * sign, row[3]
    begin = (at - row[1]) * step - 1.0
    e = abs(np.float64(got[0]) * inverse - (row[4] + begin * row[5]))
    other = abs(np.float64(got[last]) * inverse - (row[4] + (begin + last * step) * row[5]))
    apart = min(abs(e - 0.5), abs(e - 1.0), abs(e - 2.0))
    return e if abs(e - other) <= bound and apart > 5.0 * bound else -1.0


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def measure(  # type: ignore[no-untyped-def]
    got, offset, first, rows, subnormal, sign, limit, half, state, extremes, seen, undecided
):
    """Count the results ``got`` (float32, n) of the block's elements from ``offset`` on.

    ``first``, ``rows``, ``subnormal``: a Table. ``sign``: of the exact results. ``limit``: beyond it, in ULP, an
    element is bad. ``half``: beyond it, lost. ``state`` (int64, 4 x SIZE): count, first bad, last bad, worst place of
    each class; of class 0, the worst place of all distances. ``extremes`` (float64, SIZE + 1): worst error of each bad
    class, and of all distances. ``seen`` (float64, SIZE): the results at the worst places. ``undecided``
    (int64, n at least): indices in the block of those left to ball arithmetic. Returns how many these are.
    """
    left = 0
    all_worst = extremes.shape[0] - 1
    stop = offset + got.shape[0]
    ramp, errors, rounded = np.arange(float(GROUP)), np.empty(GROUP), np.empty(GROUP, np.float32)
    codes, edges = errors.view(np.int64), 2.0 ** np.arange(-1.0, _DISTANCES)
    rounded_bits, highest = rounded.view(np.int32), np.empty(1, np.int32)
    piece = np.searchsorted(first, offset, side="right") - 1
    at = offset
    while at < stop:
        while first[piece + 1] <= at:
            piece += 1
        if at in (offset, first[piece]) and not subnormal[piece]:
            # All of the piece that is here.
            end = min(stop, first[piece + 1])
            e = _equal_error(got[at - offset : end - offset], at, rows[piece], sign)
            if 0.0 <= e <= within(rows[piece], limit) - rows[piece, 3]:
                state[0, _int32(e > 0.5) + _int32(e > 1.0) + _int32(e > 2.0)] += end - at
                if e > max(extremes[all_worst], NO_ERROR) * (1.0 + 2.0 * ROUNDED):
                    extremes[all_worst], state[3, 0], seen[0] = e, at, got[at - offset]
                at = end
                continue
        end = min(stop, first[piece + 1], at + GROUP)
        row = rows[piece]
        inverse, bound = row[2] * sign, row[3]
        begin = (at - row[1]) * row[0] - 1.0
        part = got[at - offset : end - offset]
        size = end - at
        _distances(part, rounded, row, sign, ramp, begin)
        half_least, one_least, two_least, half_most, one_most, two_most = thresholds(bound)
        half_low, one_low, two_low, peak = _int32(0), _int32(0), _int32(0), _int32(0)
        half_high, one_high, two_high = _int32(0), _int32(0), _int32(0)
        for j in range(size):
            near = rounded[j]
            half_low = _int32(half_low + _int32(near <= half_least))
            one_low = _int32(one_low + _int32(near <= one_least))
            two_low = _int32(two_low + _int32(near <= two_least))
            half_high = _int32(half_high + _int32(near <= half_most))
            one_high = _int32(one_high + _int32(near <= one_most))
            two_high = _int32(two_high + _int32(near <= two_most))
            # Bits of numbers that are not negative are ordered as these, and NaN is above them all.
            peak = _int32(max(peak, rounded_bits[j]))
        highest[0] = peak
        worst = _float32(highest.view(np.float32)[0])
        decided = half_low == half_high and one_low == one_high and two_low == two_high and not subnormal[piece]
        decided = decided and worst <= (within(row, limit) - bound) * (1.0 - ROUNDED)
        if not decided:
            _distances(part, errors, row, sign, ramp, begin)
        # What is worse by less than this is no new worst: an error that stays the same would be looked at for ever.
        elif worst > max(extremes[all_worst], NO_ERROR) * (1.0 + 2.0 * ROUNDED):
            place = _int32(GROUP)
            for j in range(size):
                place = _int32(min(place, _int32(j) if rounded_bits[j] == peak else _int32(GROUP)))
            _distances(part[place : place + 1], errors, row, sign, ramp, begin + place * row[0])
            extremes[all_worst], state[3, 0], seen[0] = errors[0], at + place, part[place]
        if decided:
            state[0, 0] += half_low
            state[0, 1] += one_low - half_low
            state[0, 2] += two_low - one_low
            state[0, 3] += size - two_low
            at = end
            continue
        for j in range(size):
            e, value = errors[j], np.float64(part[j]) * inverse
            if np.isnan(e):
                kind = _NAN
            elif e == np.inf:
                kind = _OVERFLOW
            elif value < 0.0:
                kind = _WRONG_SIGN
            elif (
                subnormal[piece]
                and e > 0.5
                and (value == 0.0 or (value == _SMALLEST_NORMAL and e < _SMALLEST_NORMAL - 0.5))
            ):
                kind = _FLUSHED
            else:
                # e is in (2**(kind - 2), 2**(kind - 1)]: exponent and mantissa of the float64 say so.
                kind = max(0, (codes[j] >> 52) - 1022 + ((codes[j] & 0xFFFFFFFFFFFFF) != 0))
                kind = min(kind, _DISTANCES)
                slack = bound * (1.0 + e)
                close = abs(e - edges[kind]) <= slack or (kind > 0 and abs(e - edges[kind - 1]) <= slack)
                if close and bound > 0.0:
                    undecided[left] = at + j
                    left += 1
                    continue
                if e > half:
                    kind = _LOST
                elif e > extremes[all_worst]:
                    extremes[all_worst] = e
                    state[3, 0] = at + j
                    seen[0] = part[j]
            state[0, kind] += 1
            if e > limit or kind >= _DISTANCES:
                if state[1, kind] < 0:
                    state[1, kind] = at + j
                state[2, kind] = at + j
                if extremes[kind] < 0.0 or e > extremes[kind]:
                    extremes[kind] = e if e < np.inf else 0.0
                    state[3, kind] = at + j
                    seen[kind] = part[j]
        at = end
    return left


def blank(size: int) -> tuple[Integers, Floats, Floats]:
    """``state``, ``extremes`` and ``seen`` before the first element."""
    state = np.full((4, size), -1, np.int64)
    state[0] = 0
    return state, np.full(size + 1, -1.0), np.full(size, np.nan)

"""Oracle and error measure in one pass over float32 results: numba, one core, no lock held.

Most elements are counted by comparisons alone, which the compiler makes vector instructions of. Where an element of
a group of GROUP is beyond the limit, worse than the worst so far, not finite, or too near to a boundary to be decided
in float64, the group is counted one by one.
"""

from __future__ import annotations

import numba
import numpy as np

from conformance.exact import Floats, Integers
from conformance.sweep.classes import DISTANCES, FLUSHED, LOST, NAN, OVERFLOW, WRONG_SIGN

GROUP = 1024
_DISTANCES, _LOST, _FLUSHED, _WRONG_SIGN, _NAN, _OVERFLOW = DISTANCES, LOST, FLUSHED, WRONG_SIGN, NAN, OVERFLOW
_SMALLEST_NORMAL = 2.0**23  # in units of the smallest subnormal


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
    common = min(limit, 4.0)
    stop = offset + got.shape[0]
    ramp, errors = np.arange(float(GROUP)), np.empty(GROUP)
    codes, edges = errors.view(np.int64), 2.0 ** np.arange(-1.0, _DISTANCES)
    piece = np.searchsorted(first, offset, side="right") - 1
    at = offset
    while at < stop:
        while first[piece + 1] <= at:
            piece += 1
        end = min(stop, first[piece + 1], at + GROUP)
        row = rows[piece]
        step, inverse, bound = row[0], row[2] * sign, row[3]
        begin = (at - row[1]) * step - 1.0
        c0, c1, c2, c3, c4 = row[4], row[5], row[6], row[7], row[8]
        part = got[at - offset : end - offset]
        size = end - at
        fine = min(common - bound, extremes[all_worst])
        low, high = 0.5 - bound, 0.5 + bound
        half_low, one_low, two_low, all_fine = 0, 0, 0, 0
        half_high, one_high, two_high = 0, 0, 0
        for j in range(size):
            t = ramp[j] * step + begin
            square = t * t
            y = (c0 + t * c1) + square * ((c2 + t * c3) + square * c4)
            e = abs(np.float64(part[j]) * inverse - y)
            errors[j] = e
            half_low += e <= low
            one_low += e <= low + 0.5
            two_low += e <= low + 1.5
            all_fine += e <= fine
        # A loop of its own: with seven counters at once the registers do not suffice.
        for j in range(size):
            e = errors[j]
            half_high += e <= high
            one_high += e <= high + 0.5
            two_high += e <= high + 1.5
        decided = half_low == half_high and one_low == one_high and two_low == two_high and not subnormal[piece]
        if decided and all_fine < size:
            # Mere progress of the worst, as where an error grows steadily, is no reason to count one by one.
            peak, place = extremes[all_worst], -1
            for j in range(size):
                e = errors[j]
                if not e <= common - bound:
                    decided = False
                    break
                if e > peak:
                    peak, place = e, j
            if decided and place >= 0:
                extremes[all_worst], state[3, 0], seen[0] = peak, at + place, part[place]
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
                near = abs(e - edges[kind]) <= slack or (kind > 0 and abs(e - edges[kind - 1]) <= slack)
                if near and bound > 0.0:
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

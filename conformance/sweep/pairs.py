"""Oracle and error measure for 16-bit dtypes: every logit with every label in [0, 1], one pair at a time.

The exact loss is ``|x| c + log1p(exp(-|x|))`` with c = 1 - z for x > 0 and z elsewhere; the exact gradient is
``(1 - z) - 1 / (1 + exp(x))`` for x > 0, ``1 / (1 + exp(-x)) - z`` elsewhere, and ``1/2 - z + tanh(x / 2) / 2`` for
|x| < 1. The transcendental term comes from Arb, once a magnitude, as a float64 within 2**-53 of it; the rest is exact:
products of 16-bit numbers, and sums kept with their rounding error (Knuth's two-sum; Muller et al., "Handbook of
Floating-Point Arithmetic", 2nd ed., section 4.3). A result is held as s + r, s exact, r within
``2**-52 (|term| + |r|)``; so is its difference with a computed one. Where s alone lies on a boundary between two
classes, the sign of r decides; what is then undecided goes to ball arithmetic.
"""

from __future__ import annotations

import functools
import math

import numba
import numpy as np
from flint import arb, ctx

from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import Floats
from conformance.sweep.classes import DISTANCES, FLUSHED, LIMIT_LOST, LOST, NAN, NAN_LOST, OVERFLOW, WRONG_SIGN
from conformance.sweep.oracle import ARB

_DISTANCES, _LOST, _FLUSHED, _WRONG_SIGN = DISTANCES, LOST, FLUSHED, WRONG_SIGN
_NAN, _NAN_LOST, _LIMIT_LOST, _OVERFLOW = NAN, NAN_LOST, LIMIT_LOST, OVERFLOW
_UNDECIDED, _SAME = -1, 0
_TINY = 1e-300  # stands for any smaller term: what matters of it is its sign


@functools.cache
def values(name: str) -> Floats:
    """The 65,536 numbers of a 16-bit dtype by bit pattern."""
    with np.errstate(invalid="ignore"):
        return np.arange(1 << 16, dtype=np.uint16).view(DTYPES[name].numpy).astype(np.float64)


@functools.cache
def terms(name: str) -> Floats:
    """``log1p(exp(-a))``, and ``1 / (1 + exp(a))`` or, for a < 1, ``tanh(a / 2) / 2``, which is one half less that.

    Float64, 2 x 32,768, by the pattern of the magnitude a.
    """
    table = np.full((2, 1 << 15), np.nan)
    with ARB:
        before, ctx.prec = ctx.prec, 128
        try:
            for pattern, a in enumerate(values(name)[: 1 << 15]):
                if math.isfinite(a):
                    tail = (-arb(float(a))).exp()
                    falling = tail / (1 + tail) if a >= 1 else (arb(float(a)) / 2).tanh() / 2
                    table[:, pattern] = float(tail.log1p().mid()), float(falling.mid())
        finally:
            ctx.prec = before
    terms: Floats = np.maximum(table, _TINY)
    terms[1, 0] = 0.0  # exactly one half at logit 0
    return terms


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _two_sum(a, b):  # type: ignore[no-untyped-def]
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _exact(x, z, term, gradient):  # type: ignore[no-untyped-def]
    """``s``, ``r`` and the bound of r's error."""
    if gradient:
        whole = 0.5 if abs(x) < 1.0 else 1.0 if x > 0 else 0.0
        s, rest = _two_sum(whole, -z)
        r = rest + term if (x > 0) == (whole == 0.5) else rest - term
        slack = 2.0**-52 * (term + abs(r)) if term > 0.0 else 0.0
    else:
        if x > 0:
            s, rest = _two_sum(x, -x * z)
        else:
            s, rest = -x * z, 0.0
        r = rest + term
        slack = 2.0**-52 * (term + abs(r))
    return s, r, slack


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _classify(got, s, r, slack, emin, precision, half):  # type: ignore[no-untyped-def]
    """Class and distance in ULP of a computed number; _UNDECIDED where float64 cannot tell."""
    y, rest = _two_sum(s, r)
    if y == 0.0:
        if slack > 0.0:
            return _UNDECIDED, 0.0
        exponent = emin + 1
    else:
        mantissa, exponent = math.frexp(abs(y))
        if mantissa == 0.5:
            if abs(rest) <= slack and slack > 0.0:
                return _UNDECIDED, 0.0
            if rest * y < 0.0:
                exponent -= 1
        elif slack > 0.0 and min(mantissa - 0.5, 1.0 - mantissa) <= math.ldexp(slack, -exponent):
            return _UNDECIDED, 0.0
    unit = max(exponent - 1, emin) - precision + 1
    whole, lost = _two_sum(got, -s)
    e = math.ldexp(abs((whole - r) + lost), -unit)
    window = math.ldexp(slack, -unit) + 2.0**-51 * e
    sure = math.ldexp(abs(whole), -unit)
    towards = (whole > 0.0) == (r > 0.0)
    kind, edge = 0, 0.5
    while edge <= half:
        if abs(e - edge) <= window:
            if lost == 0.0 and sure == edge and (abs(r) > 2.0 * slack or slack == 0.0):
                # The exact part is on the boundary, and the rest says on which side.
                if towards or r == 0.0:
                    break
            elif slack > 0.0 or lost != 0.0:
                return _UNDECIDED, e
            elif e <= edge:
                break
        elif e <= edge:
            break
        edge *= 2.0
        kind += 1
    if (got < 0.0 < y) or (y < 0.0 < got):
        return _WRONG_SIGN, e
    normal = math.ldexp(1.0, emin)
    subnormal = 0.0 < abs(y) < normal
    if subnormal and kind > 0 and abs(y) > 0.5 * math.ldexp(1.0, unit) and (got == 0.0 or abs(got) == normal):
        return _FLUSHED, e
    return (_LOST if edge > half else kind), e


@numba.njit(nogil=True, cache=True, error_model="numpy")
def measure(  # type: ignore[no-untyped-def]
    got, pattern, start, label, z, number, table, gradient, dtype, bins, count, limit, state, extremes, seen, undecided
):
    """Count the results ``got`` (bits, uint16, n) of logits ``pattern``, ``pattern + 1``, ... and the label ``z``.

    ``start``: offset of the first in the block of ``count`` logits; ``label``: the label's index there. ``number`` and
    ``table``: what ``values`` and ``terms`` return, the table's row chosen. ``dtype``: (emin, precision, half).
    ``bins`` (float64): largest distance by part of the block. The others as in kernel.measure, but first and last are
    the least and greatest offset of a logit, a place is ``label * count + offset``, and the undecided, whose number is
    returned, are offsets in ``got``.
    """
    emin, precision, half = dtype
    left, size = 0, got.shape[0]
    all_worst = extremes.shape[0] - 1
    width = count // bins.shape[0]
    for j in range(size):
        x, value = number[pattern + j], number[got[j]]
        e = 0.0
        if np.isnan(x):
            kind = _SAME if np.isnan(value) else _NAN_LOST
        elif np.isnan(value):
            kind = _NAN
        elif abs(x) == np.inf:
            agrees = z == 1.0 if x > 0 else z == 0.0
            if gradient:
                s, r = _two_sum(1.0, -z) if x > 0 else (-z, 0.0)
                kind, e = _classify(value, s, r, 0.0, emin, precision, half)
            elif agrees:
                kind, e = _classify(value, 0.0, 0.0, 0.0, emin, precision, half)
            else:
                kind = _SAME if value == np.inf else _LIMIT_LOST
        elif abs(value) == np.inf:
            kind = _OVERFLOW
        else:
            s, r, slack = _exact(x, z, table[(pattern + j) & 0x7FFF], gradient)
            kind, e = _classify(value, s, r, slack, emin, precision, half)
        if kind == _UNDECIDED:
            undecided[left] = j
            left += 1
            continue
        state[0, kind] += 1
        offset = start + j
        place = label * count + offset
        if kind < _DISTANCES and e > bins[offset // width]:
            bins[offset // width] = e
        if kind < _DISTANCES and e > extremes[all_worst]:
            extremes[all_worst], state[3, 0], seen[0] = e, place, value
        if e > limit or kind >= _DISTANCES:
            if state[1, kind] < 0 or offset < state[1, kind]:
                state[1, kind] = offset
            state[2, kind] = max(state[2, kind], offset)
            if extremes[kind] < 0.0 or e > extremes[kind]:
                extremes[kind], state[3, kind], seen[kind] = e, place, value
    return left

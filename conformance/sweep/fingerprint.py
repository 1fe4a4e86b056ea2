"""A fingerprint of output bits whose parts any device can compute, in any order.

Of each group of GROUP results, two sums of the bits (as signed integers) times random keys of 64 bits are taken,
modulo 2**64; the fingerprint is the xxh3-128 of all sums in order. Two groups that differ have the same sums with a
probability of at most 2**-66 over the choice of keys: for any non-zero difference d of less than 33 bits, at most 2**31
keys k have d k = c mod 2**64.
"""

from __future__ import annotations

import hashlib

import numba
import numpy as np
import xxhash

from conformance.adapter import Array
from conformance.exact import Integers
from conformance.sweep.kernel import GROUP

SUMS = 2
KEYS: Integers = np.frombuffer(
    hashlib.shake_256(b"sigmoid-xent-conformance").digest(8 * SUMS * GROUP), dtype="<i8"
).reshape(SUMS, GROUP)


class Fingerprint:
    """Of results that come piece by piece, each a whole number of groups."""

    def __init__(self) -> None:
        self._digest = xxhash.xxh3_128()

    def update(self, results: Array) -> None:
        """Add results (n) of a dtype of 16 or 32 bits."""
        sums = np.empty((len(results) // GROUP, SUMS), np.int64)
        _sums(results.view(f"i{results.dtype.itemsize}"), KEYS, sums)
        self.add(sums)

    def add(self, sums: Integers) -> None:
        """Add the sums (groups, SUMS) of further groups."""
        self._digest.update(np.ascontiguousarray(sums, "<i8").data)

    def hexdigest(self) -> str:
        """32 hexadecimal digits."""
        return self._digest.hexdigest()


@numba.njit(nogil=True, cache=True)
def _sums(bits, keys, sums):  # type: ignore[no-untyped-def]
    for group in range(sums.shape[0]):
        first = second = 0
        part = bits[group * GROUP : (group + 1) * GROUP]
        for j in range(GROUP):
            value = np.int64(part[j])
            first += value * keys[0, j]
            second += value * keys[1, j]
        sums[group, 0], sums[group, 1] = first, second

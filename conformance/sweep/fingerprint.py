"""A fingerprint of output bits whose parts any device can compute, in any order.

Of each group of GROUP results the sum of the bits times random keys is taken, both signed integers of 32 bits, modulo
2**64; the fingerprint is the xxh3-128 of all sums in order. Two groups that differ have the same sum with a probability
of at most 2**-32 over the choice of keys: for a difference d of bits, the products d k are all different modulo 2**64.
"""

from __future__ import annotations

import hashlib

import numba
import numpy as np
import xxhash

from conformance.adapter import Array
from conformance.arithmetic.exact import Integers
from conformance.sweep.kernel import GROUP

SCHEME = "xxh3 of sums of 1024"  # a journal goes on with its own scheme only
KEYS = np.frombuffer(hashlib.shake_256(b"sigmoid-xent-conformance").digest(4 * GROUP), dtype="<i4")


class Fingerprint:
    """Of results that come piece by piece, each a whole number of groups."""

    def __init__(self) -> None:
        self._digest = xxhash.xxh3_128()

    def update(self, results: Array) -> None:
        """Add results (n) of a dtype of 16 or 32 bits."""
        sums = np.empty(len(results) // GROUP, np.int64)
        _sums(results.view(f"i{results.dtype.itemsize}"), KEYS, sums)
        self.add(sums)

    def add(self, sums: Integers) -> None:
        """Add the sums of further groups."""
        self._digest.update(np.ascontiguousarray(sums, "<i8").data)

    def hexdigest(self) -> str:
        """32 hexadecimal digits."""
        return self._digest.hexdigest()


@numba.njit(nogil=True, cache=True)
def _sums(bits, keys, sums):  # type: ignore[no-untyped-def]
    for group in range(sums.shape[0]):
        part, found = bits[group * GROUP : (group + 1) * GROUP], np.int64(0)
        for j in range(GROUP):
            found += np.int64(part[j]) * np.int64(keys[j])
        sums[group] = found

"""Data for the page's script: a JSON header and typed arrays, compressed, as base64."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

T = TypeVar("T", bound=Hashable)
# Level 6 is within 3% of level 9's size on these records, in a quarter of its time.
_LEVEL = 6


class Interned(Generic[T]):
    """Distinct values in the order in which they came; columns hold their numbers."""

    def __init__(self, first: Iterable[T] = ()) -> None:
        self.numbers: dict[T, int] = {}
        self.all(first)

    def all(self, values: Iterable[T]) -> list[int]:
        """The values' numbers, new ones for new values."""
        numbers = self.numbers
        return [numbers.setdefault(value, len(numbers)) for value in values]

    def values(self) -> list[T]:
        """The values by number."""
        return list(self.numbers)


def column(numbers: Iterable[int]) -> np.ndarray[Any, Any]:
    """The numbers in the narrowest unsigned type that holds them."""
    array = np.array(list(numbers), np.uint32)
    largest = int(array.max(initial=0))
    return array.astype(np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.uint32)


def packed(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """Header and arrays as text for a script element of a data type."""
    places, bodies, start = {}, [], 0
    for name, array in arrays.items():
        body = np.ascontiguousarray(array).tobytes()
        places[name] = [array.dtype.name, start, array.size]
        padding = -len(body) % 8
        bodies.append(body + b"\0" * padding)
        start += len(body) + padding
    head = json.dumps({**header, "arrays": places}, ensure_ascii=False, separators=(",", ":")).encode()
    head += b" " * (-(len(head) + 4) % 8)
    return compressed(struct.pack("<I", len(head)) + head + b"".join(bodies))


def compressed(raw: bytes) -> str:
    """Base64 of gzip: the alphabet has no character that means anything to HTML."""
    return base64.b64encode(gzip.compress(raw, _LEVEL, mtime=0)).decode("ascii")

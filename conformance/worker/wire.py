"""Messages between engine and worker: a line of JSON, then the raw bytes whose lengths it announces.

Arrays travel as their bits in C order, with dtype and shape in the line; bfloat16 is two bytes of that name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

VERSION = 1
MOST_HEAD = 1 << 24  # bytes of a line
MOST_BYTES = 1 << 34  # bytes of an array
MOST_PARTS = 1 << 10
_PIECE = 1 << 20
_KINDS = "biufcU"
_DTYPE = re.compile(rf"bfloat16|[<|]?[{_KINDS}][0-9]{{1,6}}")
Head = Mapping[str, Any]


class WireError(Exception):
    """What came is no message."""


class Channel:
    """One end of the pipes.

    ``ready`` is called before each read, and where a pipe that does not block takes no more; it returns when its
    argument, a file descriptor, can be read or written.
    """

    def __init__(self, reading: int, writing: int, ready: Callable[[int], None] = lambda _: None) -> None:
        self.reading, self._writing, self._ready = reading, writing, ready
        self._left = bytearray()

    def send(self, head: Head, parts: Sequence[Any] = ()) -> None:
        """Send a message. Raises OSError if nobody listens."""
        views = [memoryview(part).cast("B") if len(part) else memoryview(b"") for part in parts]
        line = json.dumps({**head, "lengths": [len(view) for view in views]}, allow_nan=False)
        for view in (memoryview(line.encode() + b"\n"), *views):
            done = 0
            while done < len(view):
                try:
                    done += os.write(self._writing, view[done : done + _PIECE])
                except BlockingIOError:
                    self._ready(self._writing)

    def receive(self) -> tuple[dict[str, Any], list[bytearray]]:
        """The next message. Raises EOFError at its end, WireError for what is none."""
        head = self._head()
        lengths = head.pop("lengths", [])
        if not isinstance(lengths, list) or len(lengths) > MOST_PARTS:
            raise WireError("'lengths' is no list of lengths")
        if not all(type(each) is int and 0 <= each <= MOST_BYTES for each in lengths):
            raise WireError(f"lengths of {str(lengths)[:60]}")
        return head, [self._bytes(each) for each in lengths]

    def close(self) -> None:
        """Close both pipes."""
        os.close(self.reading)
        os.close(self._writing)

    def _head(self) -> dict[str, Any]:
        searched = 0
        while (end := self._left.find(b"\n", searched)) < 0:
            searched = len(self._left)
            if searched > MOST_HEAD:
                raise WireError(f"a line of more than {MOST_HEAD} bytes")
            self._left += self._read(_PIECE)
        line = bytes(self._left[:end])
        del self._left[: end + 1]
        try:
            head = json.loads(line.decode())
        except (ValueError, RecursionError):
            raise WireError(f"it is not JSON: {line[:60]!r}") from None
        if not isinstance(head, dict):
            raise WireError(f"it is no JSON object: {line[:60]!r}")
        return head

    def _bytes(self, count: int) -> bytearray:
        got = self._left[:count]
        del self._left[:count]
        while len(got) < count:
            got += self._read(min(_PIECE, count - len(got)))
        return got

    def _read(self, most: int) -> bytes:
        self._ready(self.reading)
        data = os.read(self.reading, most)
        if not data:
            raise EOFError
        return data


def packed(array: Any, bfloat16: Any) -> tuple[dict[str, Any], Any]:
    """Dtype and shape of an array, and its bytes. Raises TypeError for one whose elements are no numbers."""
    name = "bfloat16" if array.dtype == bfloat16 else array.dtype.newbyteorder("<").str
    if name != "bfloat16" and array.dtype.kind not in _KINDS:
        raise TypeError(f"an array of {array.dtype.name} holds no numbers")
    if name != "bfloat16":
        array = array.astype(name, copy=False)
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return {"dtype": name, "shape": list(array.shape)}, flat


def unpacked(facts: Head, part: bytearray, bfloat16: Any) -> Any:
    """The array; ``bfloat16`` is the dtype of that name. Raises WireError if facts and bytes do not agree."""
    name, shape = facts.get("dtype"), facts.get("shape")
    try:
        if not isinstance(name, str) or not _DTYPE.fullmatch(name):
            raise TypeError
        dtype = np.dtype(bfloat16 if name == "bfloat16" else name)
        return (np.frombuffer(part, dtype) if len(part) else np.empty(0, dtype)).reshape(shape)
    except (TypeError, ValueError, OverflowError):
        raise WireError(f"{len(part)} bytes are no array of {ascii(name)[:20]} {ascii(shape)[:60]}") from None

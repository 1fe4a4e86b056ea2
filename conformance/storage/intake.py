"""Files from elsewhere, read within limits (limits.py). Nothing in them is evaluated, and no path in them opened."""

from __future__ import annotations

import gzip
import math
import re
import tomllib
import zlib
from collections.abc import Iterator
from json import JSONDecoder
from pathlib import Path
from typing import IO, Any

from conformance.errors import ContentError
from conformance.storage import limits

_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DOTTED = rf"(?:[ \t]*+\.[ \t]*+{_PART}){{{limits.MOST_KEY_PARTS}}}"
_LONG_KEY = re.compile(rf"(?:^|[\[{{,])[ \t]*+{_PART}{_DOTTED}", re.MULTILINE)
_HALF = re.compile(rb"\\u[dD][89abAB]|\\u[dD][c-fC-F]")


def text(path: Path, right: str) -> str:
    """A text file of at most MOST_TEXT_BYTES. Raises ContentError naming it; ``right`` says what to name instead."""
    try:
        with path.open("rb") as file:
            raw = file.read(limits.MOST_TEXT_BYTES + 1)
        if len(raw) > limits.MOST_TEXT_BYTES:
            raise ContentError(path, "file", f"it is larger than {limits.MOST_TEXT_BYTES:,} bytes", right)
        return raw.decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise ContentError(path, "file", "it does not exist", right) from None
    except (OSError, ValueError) as error:
        raise ContentError(path, "file", f"it cannot be read ({error})", right) from None


def toml(content: str, path: Path) -> dict[str, Any]:
    """The TOML as a dict; raises ContentError if it is none."""
    right = "see cases/README.md"
    if _LONG_KEY.search(content):
        raise ContentError(path, "file", f"a key has more than {limits.MOST_KEY_PARTS} parts", right)
    try:
        return tomllib.loads(content)
    # Not TOMLDecodeError alone: int() refuses 5,000 digits with a plain ValueError.
    except (ValueError, RecursionError) as error:
        raise ContentError(path, "file", f"it is not TOML ({error})", right) from None


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a results file, plain or .gz, as they are read. Raises ContentError beyond the limits."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from limited(file, path)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise ContentError(path, "file", f"cannot be read ({why})", "name a results.jsonl") from None


def limited(file: IO[bytes] | gzip.GzipFile, path: Path) -> Iterator[bytes]:
    """The lines of an open file, counted in bytes and values."""
    size = values = number = 0
    while line := file.readline(limits.MOST_LINE_BYTES + 1):
        number += 1
        size += len(line)
        values += line.count(b",") + line.count(b":") + line.count(b"[") + line.count(b"{")
        if len(line) > limits.MOST_LINE_BYTES:
            what = f"it is longer than {limits.MOST_LINE_BYTES:,} bytes"
        elif size > limits.MOST_RECORD_BYTES:
            what = f"the file is larger than {limits.MOST_RECORD_BYTES:,} bytes"
        elif values > limits.MOST_VALUES:
            what = f"the file has more than {limits.MOST_VALUES:,} values"
        else:
            yield line
            continue
        raise ContentError(path, f"line {number}", what, "give the runs in several files")


def json_value(line: bytes, *, bounded: bool = True) -> Any:
    """The JSON of one line. Raises ValueError for what is none, and for what could not be written as JSON again.

    Unless ``bounded``, numbers may be infinite or long: for records of which fits.py sees every number.
    """
    try:
        decoder = _BOUNDED if bounded else _DECODER
        value = decoder.decode(line.decode("utf-8", errors="replace"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if line.count(b"[") + line.count(b"{") > limits.MOST_DEPTH and _deeper(value, limits.MOST_DEPTH):
        raise ValueError("it is nested too deeply")
    if _HALF.search(line) and _halved(value):
        raise ValueError("it holds half of a surrogate pair")
    return value


def _deeper(value: Any, left: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    return left == 0 or any(_deeper(each, left - 1) for each in (value.values() if isinstance(value, dict) else value))


def _halved(value: Any) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= each <= "\udfff" for each in value)
    if isinstance(value, dict):
        return any(_halved(key) or _halved(each) for key, each in value.items())
    return isinstance(value, list) and any(_halved(each) for each in value)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _integer(text: str) -> int:
    if len(text) > limits.MOST_DIGITS:
        raise ValueError("an integer has too many digits")
    return int(text)


def _float(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError("a number is beyond float64")
    return value


# json.loads would build one for each line; and a call for each number takes as long as all the rest.
_DECODER = JSONDecoder(parse_constant=_refuse)
_BOUNDED = JSONDecoder(parse_constant=_refuse, parse_int=_integer, parse_float=_float)

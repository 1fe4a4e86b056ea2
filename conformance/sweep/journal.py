"""sweep.jsonl: what was asked on the first line, then a line a finished block; a killed sweep goes on from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from conformance.arithmetic.dtype import Dtype
from conformance.errors import ContentError
from conformance.records.record import line
from conformance.sweep.block import Swept
from conformance.sweep.grid import Block
from conformance.sweep.tally import Tally


class Journal:
    """The finished blocks of one sweep, on disk and in memory."""

    def __init__(self, path: Path, head: Mapping[str, Any], dtype: Dtype, *, fresh: bool = False) -> None:
        """Open or begin a journal. Raises ContentError for that of another sweep."""
        self.dtype = dtype
        self.swept: dict[str, Swept] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if fresh or not path.exists():
            path.write_text("", encoding="utf-8")
        for number, each in enumerate(_lines(path), 1):
            if number == 1:
                _require_same(each, head, path)
            else:
                found = self._read(each, path, number)
                self.swept[found.block.key] = found
        self._file: IO[str] = path.open("a", encoding="utf-8")
        if not path.stat().st_size:
            self._write(head)

    def add(self, swept: Swept) -> None:
        """Write a finished block, whole and flushed."""
        block = swept.block
        each: dict[str, Any] = {"block": [block.first, block.count, block.label, block.labels]}
        for name, tally in swept.tallies.items():
            each[name] = {**tally.to_json(self.dtype), "hash": swept.hashes[name]}
        self._write(each)
        self.swept[block.key] = swept

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, each: Mapping[str, Any]) -> None:
        self._file.write(line(dict(each)) + "\n")
        self._file.flush()

    def _read(self, each: Mapping[str, Any], path: Path, number: int) -> Swept:
        try:
            quantities = {name: value for name, value in each.items() if name != "block"}
            tallies = {name: Tally.from_json(value) for name, value in quantities.items()}
            hashes = {name: str(value["hash"]) for name, value in quantities.items()}
            return Swept(Block(*each["block"]), tallies, hashes)
        except (KeyError, TypeError, ValueError):
            raise ContentError(
                path, f"line {number}", "it is not a block", "take out the line, or add --fresh"
            ) from None


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """The whole lines; what a kill left of the last one is cut off the file."""
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                each = json.loads(text)
            except ValueError:
                each = None
            if not isinstance(each, dict):
                raise ContentError(path, f"line {number}", "it is not a JSON object", "take it out, or add --fresh")
            yield each


def _require_same(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> None:
    for key in new:
        if old.get(key) != new[key]:
            raise ContentError(
                path, "line 1", f"it is a sweep with another {key}", "name another --out, or add --fresh to begin anew"
            )

"""What deviated in a run, one cell a check, and the scopes of a ledger that cover such cells."""

from __future__ import annotations

import fnmatch
import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.records.record import BREAKS, Record
from conformance.records.versions import Versions
from conformance.subjects.target import canonical

FIELDS = ("signature", "implementations", "clauses", "modes", "devices", "dtypes", "cases")
Cell = tuple[str, str, str, str, str, str, str]  # one value of each field
Entry = Mapping[str, Any]  # a [[deviation]] of a ledger
Scope = dict[str, Any]  # a [[deviation.where]]


@dataclass
class Seen:
    """One adapter's checks in a run: what deviated, what did not (without a signature), and in which versions."""

    deviating: set[Cell] = field(default_factory=set)
    others: set[Cell] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    version: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)

    def holds(self, entry: Entry, scope: Mapping[str, Any]) -> bool:
        """True if the run is of a version that a scope of an entry is for."""
        versions = Versions.read(scope.get("versions", entry.get("versions", ""))).beside(self.packages)
        return versions is not None and (not self.version or versions.hold(self.version))


def seen(records: Iterable[Record], adapter: str) -> Seen:
    """What a run says of an adapter."""
    found = Seen()
    for record in records:
        if record["record"] == "run":
            found.packages = record["adapters"].get(adapter, {}).get("versions", {})
        if record["record"] != "check" or record["subject"]["adapter"] != adapter:
            continue
        subject = record["subject"]
        found.version = subject["version"]
        found.devices.add(subject["device"])
        place = (subject["mode"], subject["device"], subject["dtype"], record["case"])
        deviates = record["outcome"] in BREAKS
        signature = record["signature"] if deviates else ""
        cell: Cell = (signature, subject["implementation"], record["clause"], *place)
        if deviates or record["outcome"] != "no-data":
            (found.deviating if deviates else found.others).add(cell)
    return found


def rule(entry: Entry, cell: Cell) -> Mapping[str, Any] | None:
    """The first of the entry's rules that explains a deviation."""
    return next(
        (each for each in entry.get("explains", ()) if covers(each, each.get("signatures", ("*",)), cell)), None
    )


def covers(globs: Mapping[str, Any], signatures: Sequence[str], cell: Cell) -> bool:
    """True if the signatures, and the globs of every other field that has some, match."""
    wanted = (signatures, *(globs.get(key, ("*",)) for key in FIELDS[1:]))
    return all(
        any(fnmatch.fnmatchcase(canonical(value), canonical(glob)) or value == glob for glob in each)
        for value, each in zip(cell, wanted, strict=True)
    )


def expanded(scope: Mapping[str, Any]) -> Iterator[Cell]:
    """The cells of a scope that lists names; what it leaves out, or has globs for, stands as it is."""
    yield from itertools.product((scope["signature"],), *(scope.get(key, ("*",)) for key in FIELDS[1:]))


def rectangles(cells: Iterable[Cell]) -> list[Scope]:
    """The cells as products of lists, merged field by field; together they cover the cells and nothing else."""
    rows: list[dict[str, frozenset[str]]] = [
        {name: frozenset([value]) for name, value in zip(FIELDS, cell, strict=True)} for cell in cells
    ]
    for name in ("dtypes", "modes", "cases", "implementations", "clauses", "devices"):
        merged: dict[tuple[tuple[str, frozenset[str]], ...], set[str]] = defaultdict(set)
        for row in rows:
            merged[tuple((key, row[key]) for key in FIELDS if key != name)] |= row[name]
        rows = [dict(key) | {name: frozenset(values)} for key, values in merged.items()]
    scopes = [{key: sorted(row[key]) for key in FIELDS} for row in rows]
    return sorted(({**scope, "signature": scope["signature"][0]} for scope in scopes), key=json.dumps)

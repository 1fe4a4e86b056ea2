"""Amending a ledger for some versions: what a run of one of them shows otherwise than it is listed.

What deviates there and is not listed is listed for these versions; what is listed and does not show there is listed for
all others. Nothing else is changed: the run of another version stays as expected as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from conformance.errors import ContentError, UsageError
from conformance.records.record import Record
from conformance.records.versions import Versions
from conformance.verbs import draft
from conformance.verbs.cells import FIELDS, Cell, Entry, Scope, Seen, covers, expanded, rectangles, seen

_OTHERS = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def amended_text(records: Iterable[Record], adapter: str, old: Path, versions: str) -> str:
    """The ledger's text once it says what a run shows for the versions. Raises UsageError, ContentError."""
    entries = draft.entries_of(old)
    run = seen(records, adapter)
    others = _others(versions)
    if not run.holds({}, {"versions": versions}):
        raise UsageError(f"--versions {versions}: the run is of {run.version}, which is not among them")
    new: dict[tuple[str, bool], list[Cell]] = defaultdict(list)
    for cell in sorted(run.deviating):
        if not any(_lists(entry, where, cell, run) for entry in entries for where in entry.get("where", ())):
            owner, found = draft.owner_of(cell, entries, run)
            new[owner["id"], bool(found.get("varies"))].append(cell)
    draft.add_unexplained(entries, {name: cells for (name, _), cells in new.items()})
    scopes = []
    for entry in entries:
        parts: list[Mapping[str, Any]] = []
        for where in entry.get("where", ()):
            parts += _without(entry, where, run, others, old)
        own = {} if "versions" in entry else {"versions": versions}
        parts += [{**each, **own} for each in rectangles(new[entry["id"], False])]
        parts += [{**each, **own, "varies": True} for each in rectangles(new[entry["id"], True])]
        scopes.append((entry, parts))
    return draft.text(scopes)


def _lists(entry: Entry, where: Mapping[str, Any], cell: Cell, run: Seen) -> bool:
    return covers(where, [where["signature"]], cell) and run.holds(entry, where)


def _without(entry: Entry, where: Mapping[str, Any], run: Seen, others: str, path: Path) -> Sequence[Mapping[str, Any]]:
    """The scope in parts: as it is where the run shows it or says nothing, for other versions where it does not."""
    if where.get("varies") or not run.holds(entry, where):
        return [where]
    cells = set(expanded(where))
    absent = {each for each in _judged_otherwise(run) if covers(where, ["*"], each)}
    shown = {each[1:] for each in run.deviating if each[0] == where["signature"]}
    gone = {(where["signature"], *each[1:]) for each in absent if each[1:] not in shown}
    if not gone:
        return [where]
    if not gone <= cells:
        told = f"a glob covers {sorted(gone - cells)[0][-1]}, which does not show in {run.version}"
        raise ContentError(path, f"deviation '{entry['id']}'", told, "list the cases by name")
    before = where.get("versions", entry.get("versions", ""))
    own: Scope = {key: where[key] for key in where if key not in FIELDS}
    left: list[Scope] = [{**each, **own} for each in rectangles(cells - gone)]
    return [*left, *({**each, **own, "versions": _both(before, others)} for each in rectangles(gone))]


def _judged_otherwise(run: Seen) -> Iterable[Cell]:
    yield from run.others
    yield from run.deviating


def _both(first: str, second: str) -> str:
    if not first:
        return second
    if Versions.read(first).package or Versions.read(second).package:
        raise UsageError(f"--versions: {first} and {second} are of two packages; list it by hand")
    return str(SpecifierSet(f"{first},{second}"))


def _others(text: str) -> str:
    """All versions but these, of which there is one bound."""
    try:
        versions = Versions.read(text)
    except ValueError:
        versions = Versions()
    bounds = list(versions.specifier)
    if len(bounds) != 1 or bounds[0].operator not in _OTHERS:
        raise UsageError(f"--versions {text}: write one bound, as in '<0.22' or 'optax<0.2.6'")
    return f"{versions.package}{_OTHERS[bounds[0].operator]}{bounds[0].version}"

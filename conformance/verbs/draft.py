"""Writing a ledger from a run: what deviates is listed exactly, under the reasons that a person gave.

Each ``[[deviation]]`` of the old file keeps what is said of it, versions, reproducer and ``explains``; its
``where`` is written anew: the deviations of the run that ``explains`` covers, first match wins. What no reason
covers is listed under the id 'unexplained', which the project's own tests do not accept.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.records.ledger import NO_REASON
from conformance.records.record import Record
from conformance.storage import intake
from conformance.verbs.cells import Cell, Entry, Scope, Seen, covers, rectangles, rule, seen

UNEXPLAINED = {
    "id": "unexplained",
    "reason": f"{NO_REASON}: write a reason.",
    "harm": "Unknown until somebody has looked into it.",
}
_HEAD = """\
# Known deviations. What is said of each, `versions`, `reproducer` and `explains` are by hand;
# `where` is written by `python -m conformance ledger RUN.jsonl --adapter NAME`, and exact: a deviation
# that is fixed or changes its signature turns the run red.
"""


def ledger_text(records: Iterable[Record], adapter: str, old: Path) -> str:
    """The ledger's text for one adapter's records."""
    entries = entries_of(old)
    run = seen(records, adapter)
    sorted_in: dict[str, list[Cell]] = defaultdict(list)
    varying: dict[str, list[Cell]] = defaultdict(list)
    for cell in sorted(run.deviating):
        owner, found = owner_of(cell, entries, run)
        (varying if found.get("varies") else sorted_in)[owner["id"]].append(cell)
    add_unexplained(entries, sorted_in)
    return text((entry, _scopes(entry, run, sorted_in[entry["id"]], varying[entry["id"]])) for entry in entries)


def entries_of(old: Path) -> list[Entry]:
    """The entries of a ledger; none if there is no file."""
    known = intake.toml(intake.text(old, "name an existing TOML file"), old) if old.exists() else {}
    return list(known.get("deviation", ()))


def owner_of(cell: Cell, entries: Sequence[Entry], run: Seen) -> tuple[Entry, Mapping[str, Any]]:
    """The first entry for the run's version that explains a deviation, and its rule."""
    explaining = ((entry, found) for entry in entries if run.holds(entry, {}) and (found := rule(entry, cell)))
    return next(explaining, (UNEXPLAINED, {}))


def add_unexplained(entries: list[Entry], sorted_in: Mapping[str, object]) -> None:
    """Add the entry of what nobody has explained, if there is such."""
    if UNEXPLAINED["id"] in sorted_in and all(entry["id"] != UNEXPLAINED["id"] for entry in entries):
        entries.append(dict(UNEXPLAINED))


def _scopes(entry: Entry, run: Seen, found: Sequence[Cell], varying: Sequence[Cell]) -> list[Scope]:
    old = entry.get("where", ())
    # Another device's run wrote those scopes, or another version's; this run says nothing of them.
    kept = [
        where
        for where in old
        if not run.devices.intersection(where.get("devices", run.devices)) or not run.holds(entry, where)
    ]
    # What varies is kept: another processor's run wrote it.
    loose = [where for where in old if where.get("varies") and where not in kept]
    new = [cell for cell in varying if not any(covers(where, [where["signature"]], cell) for where in loose)]
    limited = [where for where in old if "versions" in where and where not in kept]
    by_versions: dict[str, list[Cell]] = defaultdict(list)
    for cell in found:
        covering = (where["versions"] for where in limited if covers(where, [where["signature"]], cell))
        by_versions[next(covering, "")].append(cell)
    scopes = [
        {**each, **({"versions": versions} if versions else {})}
        for versions, cells in by_versions.items()
        for each in rectangles(cells)
    ]
    scopes += [{**each, "varies": True} for each in rectangles(new)]
    return [*sorted(scopes, key=_order), *loose, *kept]


def _order(scope: Scope) -> tuple[bool, bool, str]:
    return bool(scope.get("varies")), "versions" in scope, json.dumps(scope)


def text(entries: Iterable[tuple[Entry, Sequence[Mapping[str, Any]]]]) -> str:
    """The text of a ledger with these scopes under each entry."""
    return "".join([_HEAD, *("\n" + "\n".join(_entry(entry, scopes)) + "\n" for entry, scopes in entries)])


def _entry(entry: Entry, scopes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "[[deviation]]"
    for key in (
        "id",
        "title",
        "severity",
        "rank",
        "reason",
        "harm",
        "right",
        "inherited",
        "link",
        "related",
        "versions",
    ):
        if key in entry:
            yield f"{key} = {json.dumps(entry[key], ensure_ascii=False)}"
    if "documented" in entry:
        said = ", ".join(f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in entry["documented"].items())
        yield f"documented = {{ {said} }}"
    if "reproducer" in entry:
        yield f"reproducer = '''\n{entry['reproducer']}'''"
    if "explains" in entry:
        yield "explains = ["
        for each in entry["explains"]:
            yield "  {" + ", ".join(f"{key} = {json.dumps(globs)}" for key, globs in each.items()) + "},"
        yield "]"
    for scope in scopes:
        yield "[[deviation.where]]"
        for key, value in scope.items():
            yield f"{key} = {json.dumps(value)}"

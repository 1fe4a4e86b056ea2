"""Writing a ledger from a run: what deviates is listed exactly, under the reasons that a person gave.

Each ``[[deviation]]`` of the old file keeps what is said of it, versions, reproducer and ``explains``; its
``where`` is written anew: the deviations of the run that ``explains`` covers, first match wins. What no reason
covers is listed under the id 'unexplained', which the project's own tests do not accept.
"""

from __future__ import annotations

import fnmatch
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.records.ledger import NO_REASON
from conformance.records.record import Record
from conformance.storage import intake
from conformance.subjects.target import canonical

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
_FIELDS = ("signature", "implementations", "clauses", "modes", "devices", "dtypes", "cases")
Cell = tuple[str, str, str, str, str, str, str]  # signature, implementation, clause, mode, device, dtype, case
Scope = dict[str, Any]


def ledger_text(records: Iterable[Record], adapter: str, old: Path) -> str:
    """The ledger's text for one adapter's records."""
    known = intake.toml(intake.text(old, "name an existing TOML file"), old) if old.exists() else {}
    entries = list(known.get("deviation", ()))
    cells, devices = _cells(records, adapter)
    sorted_in: dict[str, list[Cell]] = defaultdict(list)
    varying: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        owner, rule = next(((entry, rule) for entry in entries if (rule := _rule(entry, cell))), (UNEXPLAINED, {}))
        (varying if rule.get("varies") else sorted_in)[owner["id"]].append(cell)
    if UNEXPLAINED["id"] in sorted_in and all(entry["id"] != UNEXPLAINED["id"] for entry in entries):
        entries.append(dict(UNEXPLAINED))
    parts = [_HEAD]
    for entry in entries:
        # Another device's run wrote those scopes; this run says nothing of them.
        old_scopes = entry.get("where", ())
        kept = [where for where in old_scopes if not devices.intersection(where.get("devices", devices))]
        # What varies is kept: another processor's run wrote it.
        loose = [where for where in old_scopes if where.get("varies") and where not in kept]
        new = [
            cell
            for cell in varying[entry["id"]]
            if not any(_covers(where, [where["signature"]], cell) for where in loose)
        ]
        scopes = [*_rectangles(sorted_in[entry["id"]]), *({**each, "varies": True} for each in _rectangles(new))]
        scopes += [*loose, *kept]
        parts.append("\n" + "\n".join(_entry(entry, scopes)) + "\n")
    return "".join(parts)


def _cells(records: Iterable[Record], adapter: str) -> tuple[list[Cell], set[str]]:
    cells, devices = [], set()
    for record in records:
        if record["record"] != "check" or record["subject"]["adapter"] != adapter:
            continue
        subject = record["subject"]
        devices.add(subject["device"])
        if record["outcome"] in ("deviates", "errored", "crashed"):
            place = (subject["mode"], subject["device"], subject["dtype"], record["case"])
            cells.append((record["signature"], subject["implementation"], record["clause"], *place))
    return sorted(set(cells)), devices


def _rule(entry: Mapping[str, Any], cell: Cell) -> Mapping[str, Any] | None:
    """The first of the entry's rules that explains a deviation."""
    return next(
        (rule for rule in entry.get("explains", ()) if _covers(rule, rule.get("signatures", ("*",)), cell)), None
    )


def _covers(globs: Mapping[str, Any], signatures: Sequence[str], cell: Cell) -> bool:
    """True if the signatures, and the globs of every other field that has some, match."""
    wanted = (signatures, *(globs.get(key, ("*",)) for key in _FIELDS[1:]))
    return all(
        any(fnmatch.fnmatchcase(canonical(value), canonical(glob)) or value == glob for glob in each)
        for value, each in zip(cell, wanted, strict=True)
    )


def _rectangles(cells: Sequence[Cell]) -> list[Scope]:
    """The cells as products of lists, merged field by field; together they cover the cells and nothing else."""
    rows: list[dict[str, frozenset[str]]] = [
        {name: frozenset([value]) for name, value in zip(_FIELDS, cell, strict=True)} for cell in cells
    ]
    for name in ("dtypes", "modes", "cases", "implementations", "clauses", "devices"):
        merged: dict[tuple[tuple[str, frozenset[str]], ...], set[str]] = defaultdict(set)
        for row in rows:
            merged[tuple((key, row[key]) for key in _FIELDS if key != name)] |= row[name]
        rows = [dict(key) | {name: frozenset(values)} for key, values in merged.items()]
    scopes = [{key: sorted(row[key]) for key in _FIELDS} for row in rows]
    return sorted(({**scope, "signature": scope["signature"][0]} for scope in scopes), key=json.dumps)


def _entry(entry: Mapping[str, Any], scopes: Sequence[Scope]) -> Iterator[str]:
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
        for rule in entry["explains"]:
            yield "  {" + ", ".join(f"{key} = {json.dumps(globs)}" for key, globs in rule.items()) + "},"
        yield "]"
    for scope in scopes:
        yield "[[deviation.where]]"
        for key, value in scope.items():
            yield f"{key} = {json.dumps(value)}"

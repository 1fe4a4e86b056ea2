"""Merging runs, and the page made of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from conformance import __version__, record
from conformance.errors import UsageError
from conformance.record import Record
from conformance.spec import CHAPTERS, CLAUSES, Level

STATES = {
    "conforms": "the clause holds",
    "known": "it deviates as the ledger says",
    "unexpected": "it deviates and the ledger does not say so, or it no longer does what the ledger says",
    "unsupported": "the implementation does not offer what the case needs",
    "no-data": "nothing ran: the framework is missing, or the subject had crashed too often",
    "crashed": "the process that ran it died or hung",
}
_WORSE = ("conforms", "unsupported", "no-data", "known", "unexpected", "crashed")


@dataclass(frozen=True)
class Merged:
    """The runs, and one check for each subject, clause and case: the latest."""

    runs: Sequence[Record]
    checks: Sequence[Record]
    replaced: int = 0


@dataclass
class Row:
    """An implementation in one mode, in the overview."""

    adapter: str
    implementation: str
    mode: str
    version: str
    counts: Counter[str] = field(default_factory=Counter)
    cells: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))


def merge(runs: Iterable[Sequence[Record]]) -> Merged:
    """Merge runs of the same case set; a later run's check replaces an earlier one's.

    Raises UsageError where the case sets differ: their checks would not mean the same.
    """
    ordered = sorted((list(run) for run in runs), key=lambda run: str(run[0]["started"]))
    hashes = {str(run[0]["case_set"]) for run in ordered}
    if len(hashes) > 1:
        shown = ", ".join(sorted(each[:12] for each in hashes))
        raise UsageError(f"the runs judge different case sets ({shown}); merge runs of one version of cases/")
    checks: dict[tuple[str, ...], Record] = {}
    total = 0
    for run in ordered:
        for check in run[1:]:
            checks[(*check["subject"].values(), check["clause"], check["case"])] = check
            total += 1
    return Merged([run[0] for run in ordered], list(checks.values()), total - len(checks))


def write_records(merged: Merged, path: Path) -> None:
    """The merged records as one results file: the runs' facts in one first line."""
    head = dict(merged.runs[-1])
    for key in ("adapters", "missing", "deviations"):
        head[key] = {name: value for run in merged.runs for name, value in run.get(key, {}).items()}
    head["missing"] = {name: why for name, why in head["missing"].items() if name not in head["adapters"]}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for each in (head, *merged.checks):
            file.write(record.line(each) + "\n")


def write(merged: Merged, path: Path) -> None:
    """Write the page: one file, no network."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(merged), encoding="utf-8")


def render(merged: Merged) -> str:
    """The page's HTML. Everything that comes from records is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("conformance.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    present = {name for run in merged.runs for name in run["adapters"]}
    return environment.get_template("page.html.jinja").render(
        version=__version__,
        runs=merged.runs,
        replaced=merged.replaced,
        total=len(merged.checks),
        rows=overview(merged.checks),
        causes=causes(merged),
        surprises=[check for check in merged.checks if not check["expected"]][:200],
        surprise_count=sum(not check["expected"] for check in merged.checks),
        missing={name: why for run in merged.runs for name, why in run["missing"].items() if name not in present},
        chapters=CHAPTERS,
        clauses=CLAUSES,
        states=STATES,
    )


def state(check: Record) -> str:
    """The state of a check as the page names it."""
    if check["outcome"] == "crashed":
        return "crashed"
    if not check["expected"]:
        return "unexpected"
    return {"deviates": "known", "errored": "known"}.get(check["outcome"], str(check["outcome"]))


def overview(checks: Iterable[Record]) -> list[Row]:
    """Implementations and modes against clauses: for each clause the worst state, and where it shows."""
    rows: dict[tuple[str, str, str], Row] = {}
    for check in checks:
        subject = check["subject"]
        key = (subject["adapter"], subject["implementation"], subject["mode"])
        row = rows.setdefault(key, Row(*key, subject["version"]))
        seen = state(check)
        row.counts[seen] += 1
        cell = row.cells[check["clause"][0]].setdefault(
            check["clause"], {"state": seen, "where": set(), "signatures": set()}
        )
        if _WORSE.index(seen) > _WORSE.index(cell["state"]):
            cell["state"] = seen
        if seen in ("known", "unexpected", "crashed"):
            cell["where"].add(f"{subject['dtype']} {subject['device']}")
            cell["signatures"].add(check["signature"])
    order = {clause: index for index, clause in enumerate(CLAUSES)}
    for row in rows.values():
        for letter, cells in row.cells.items():
            row.cells[letter] = dict(sorted(cells.items(), key=lambda item: order.get(item[0], len(order))))
    places = {key[:2]: place for place, key in reversed(list(enumerate(rows)))}
    adapters = {key[0]: place for place, key in reversed(list(enumerate(rows)))}
    return [rows[key] for key in sorted(rows, key=lambda key: (adapters[key[0]], places[key[:2]]))]


def causes(merged: Merged) -> list[dict[str, Any]]:
    """The known deviations by root cause, the gravest first."""
    texts = {
        (adapter, name): text
        for run in merged.runs
        for adapter, entries in run.get("deviations", {}).items()
        for name, text in entries.items()
    }
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for check in merged.checks:
        if check.get("deviation") and check["outcome"] in ("deviates", "errored"):
            groups[check["subject"]["adapter"], check["deviation"]].append(check)
    found = [_cause(adapter, name, texts.get((adapter, name), {}), group) for (adapter, name), group in groups.items()]
    gravity = list(Level)
    return sorted(found, key=lambda cause: (gravity.index(cause["level"]), cause["adapter"], -cause["count"]))


def _cause(adapter: str, name: str, text: Mapping[str, str], checks: Sequence[Record]) -> dict[str, Any]:
    clauses = sorted({check["clause"] for check in checks})
    levels = {check["level"] for check in checks}
    example = max(checks, key=lambda check: (bool(check.get("reproducer")), _simplicity(check)))
    return {
        "adapter": adapter,
        "id": name,
        **{key: text.get(key, "") for key in ("reason", "harm", "link")},
        "level": Level.MUST if "must" in levels else Level.SHOULD if "should" in levels else Level.MAY,
        "clauses": clauses,
        "signatures": sorted({check["signature"] for check in checks}),
        "implementations": sorted({check["subject"]["implementation"] for check in checks}),
        "modes": sorted({check["subject"]["mode"] for check in checks}),
        "dtypes": sorted({check["subject"]["dtype"] for check in checks}),
        "devices": sorted({check["subject"]["device"] for check in checks}),
        "cases": len({check["case"] for check in checks}),
        "count": len(checks),
        "example": example,
    }


def _simplicity(check: Record) -> tuple[bool, bool, int]:
    subject = check["subject"]
    return subject["dtype"] == "float32", subject["mode"] == "eager", -len(check.get("reproducer", ""))

"""What was found, as a Markdown table: for a README or a pull request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from conformance.dtype import DTYPES
from conformance.record import Record
from conformance.report import sweeps
from conformance.report.causes import causes
from conformance.report.merge import Merged
from conformance.spec import Level

_MOST_NAMES = 3


def table(merged: Merged) -> str:
    """One row a known deviation, the gravest first; then what sweeps of float32 counted, and what is unexpected."""
    versions = {
        name: next(iter(each["versions"].values())) for run in merged.runs for name, each in run["adapters"].items()
    }
    subjects = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    lines = [f"{len(merged.checks):,} checks of {subjects}.", ""]
    if known := causes(merged):
        lines += ["| level | framework | where | what happens | clauses |", "|---|---|---|---|---|"]
        lines += [_row(cause) for cause in known]
    lines += _swept(merged)
    lines += _unexpected(merged)
    return "\n".join(lines) + "\n"


def _swept(merged: Merged) -> list[str]:
    """A row for each implementation, quantity and label of which every float32 was computed."""
    rows = [row for row in sweeps.rows(merged) if row.dtype.name == "float32" and not row.searched]
    if not rows:
        return []
    head = ["implementation", "quantity, label", *rows[0].shares, "worst ULP", "at logit", "no distance"]
    lines = ["", "Every float32 as a logit, the share of results by their error in ULP:", "", *_table_head(head)]
    for row in rows:
        subject = row.record["subject"]
        who = f"{subject['adapter']} {subject['implementation']} ({subject['mode']})"
        worst = (row.worst.get("ulp", ""), row.worst.get("logit", ""))
        cells = (who, f"{row.found['quantity']}, {row.found['label']}", *row.shares.values(), *worst, row.others)
        lines.append("| " + " | ".join(_escaped(cell) for cell in cells) + " |")
    return lines


def _table_head(names: list[str]) -> list[str]:
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]


def _unexpected(merged: Merged) -> list[str]:
    """A row for each implementation, clause and kind of surprise, with the first case that shows it."""
    groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for check in merged.checks:
        if not check["expected"]:
            subject = check["subject"]
            key = (check["level"], subject["adapter"], subject["implementation"], check["clause"], check["signature"])
            groups[key].append(check)
    if not groups:
        return []
    total = sum(map(len, groups.values()))
    head = [
        "",
        f"**{total} unexpected outcomes:**",
        "",
        "| level | framework | implementation | clause | what | checks | first |",
    ]
    return [
        *head,
        "|---|---|---|---|---|---|---|",
        *(_surprise(key, groups[key]) for key in sorted(groups, key=_gravity)),
    ]


def _surprise(key: tuple[str, ...], checks: list[Record]) -> str:
    first = checks[0]
    text = f"{first['case']} ({first['subject']['mode']}, {first['subject']['dtype']}): "
    cells = (*key, str(len(checks)), text + (first.get("note") or "") + " " + first.get("detail", ""))
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _gravity(key: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    return list(Level).index(Level(key[0])), key


def _row(cause: Mapping[str, Any]) -> str:
    dtypes = "every dtype" if len(cause["dtypes"]) == len(DTYPES) else _few(cause["dtypes"])
    where = f"{_few(cause['implementations'])} ({_few(cause['modes'], len(cause['modes']))}; {dtypes})"
    reason = f"{cause['reason']} [Upstream]({cause['link']})" if cause["link"] else cause["reason"]
    cells = (str(cause["level"]), cause["adapter"], where, reason, _few(cause["clauses"], 6))
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _few(names: list[str], most: int = _MOST_NAMES) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _escaped(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())

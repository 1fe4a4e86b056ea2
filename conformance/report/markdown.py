"""What was found, as a Markdown table: for a README or a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.dtype import DTYPES
from conformance.report.causes import causes
from conformance.report.merge import Merged

_MOST_NAMES = 3


def table(merged: Merged) -> str:
    """One row a known deviation, the gravest first; then what is unexpected, and what has no data."""
    versions = {
        name: next(iter(each["versions"].values())) for run in merged.runs for name, each in run["adapters"].items()
    }
    subjects = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    lines = [f"{len(merged.checks):,} checks of {subjects}.", ""]
    lines += ["| level | framework | where | what happens | clauses |", "|---|---|---|---|---|"]
    lines += [_row(cause) for cause in causes(merged)]
    unexpected = sum(not check["expected"] for check in merged.checks)
    if unexpected:
        lines += ["", f"**{unexpected} unexpected outcomes.**"]
    return "\n".join(lines) + "\n"


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

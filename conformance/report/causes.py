"""Why it deviates: the known deviations by root cause, each with the shortest example that shows it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.record import Record
from conformance.report.merge import Merged
from conformance.report.states import state
from conformance.spec import Level

Cause = dict[str, Any]


def causes(merged: Merged) -> list[Cause]:
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


def _cause(adapter: str, name: str, text: Mapping[str, str], checks: Sequence[Record]) -> Cause:
    levels = {check["level"] for check in checks}
    example = max(checks, key=_simplicity)
    return {
        "adapter": adapter,
        "id": name,
        **{key: text.get(key, "") for key in ("reason", "harm", "link")},
        "level": Level.MUST if "must" in levels else Level.SHOULD if "should" in levels else Level.MAY,
        "clauses": sorted({check["clause"] for check in checks}),
        "signatures": sorted({check["signature"] for check in checks}),
        **{f"{key}s": sorted({check["subject"][key] for check in checks}) for key in _PLACES},
        "cases": len({check["case"] for check in checks}),
        "count": len(checks),
        "unexpected": sum(state(check) == "unexpected" for check in checks),
        "example": example,
        "reproducer": text.get("reproducer", "") or example.get("reproducer", ""),
        "by_hand": bool(text.get("reproducer")),
    }


_PLACES = ("version", "implementation", "mode", "dtype", "device")


def _simplicity(check: Record) -> tuple[bool, bool, bool, bool, bool, int]:
    """The easiest to understand is the largest: alone, of one quantity, with a number, in float32, eager, short."""
    subject, script = check["subject"], check.get("reproducer", "")
    # A script shows one quantity; a clause on shapes, weights or laws may have found its deviation in another.
    plain = check["clause"][:1] in ("V", "G", "D", "E")
    eager, common = subject["mode"] == "eager", subject["dtype"] == "float32"
    return bool(script), plain, "worst" in check, common, eager, -len(script)

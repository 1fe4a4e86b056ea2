"""Why it deviates: the known deviations by root cause, the worst first, each with the shortest example."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.records.record import BREAKS, Record
from conformance.report import where
from conformance.report.magnitude import Magnitude, worst
from conformance.report.merge import Merged
from conformance.report.standing import Standing, standing
from conformance.report.states import SEVERITIES, state
from conformance.spec.clauses import Level

Cause = dict[str, Any]
_LEVELS = list(Level)
_SEVERITIES = list(SEVERITIES)
_UNRANKED = 100
_TEXTS = (
    "title", "reason", "harm", "right", "severity", "rank", "link", "related", "inherited", "documented",
    "documented_url",
)  # fmt: skip


def causes(merged: Merged, who: Standing | None = None) -> list[Cause]:
    """The known deviations by root cause: of public functions first, what is documented after what is not.

    ``rows`` of a cause are its checks by level, what is documented apart; each says where it shows, and how bad it is.
    """
    texts = {
        (adapter, name): text
        for run in merged.runs
        for adapter, entries in run.get("deviations", {}).items()
        for name, text in entries.items()
    }
    who = who or standing(merged)
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for check in merged.checks:
        if check.get("deviation") and check["outcome"] in BREAKS:
            groups[check["subject"]["adapter"], check["deviation"]].append(check)
    found = [
        _cause(adapter, name, texts.get((adapter, name), {}), group, who) for (adapter, name), group in groups.items()
    ]
    return sorted(found, key=_gravity)


def of_functions(found: Sequence[Cause]) -> list[Cause]:
    """Those that a framework's verdict speaks of: public functions, undocumented, beyond what several may do."""
    return [each for each in found if each["role"] == "function" and each["rows"] and not each["rows"][0]["documented"]]


def _cause(adapter: str, name: str, text: Mapping[str, str], checks: Sequence[Record], who: Standing) -> Cause:
    of_functions = [check for check in checks if who.counts(check)]
    role = "function" if of_functions or any(who.role(each) == "function" for each in checks) else who.role(checks[0])
    shown = of_functions or checks
    rows = _rows(shown)
    example = max(shown, key=_simplicity)
    return {
        "adapter": adapter,
        "id": name,
        **{key: text.get(key, "") for key in _TEXTS},
        "role": role,
        "level": rows[0]["level"],
        "rows": rows,
        "clauses": sorted({check["clause"] for check in shown}),
        "signatures": sorted({check["signature"] for check in shown}),
        **{f"{key}s": sorted({check["subject"][key] for check in checks}) for key in _PLACES},
        "cases": len({check["case"] for check in shown}),
        "count": len(shown),
        "unexpected": sum(state(check) == "unexpected" for check in shown),
        "example": example,
        "reproducer": text.get("reproducer", "") or example.get("reproducer", ""),
        "by_hand": bool(text.get("reproducer")),
    }


def _rows(checks: Sequence[Record]) -> list[dict[str, Any]]:
    groups: dict[tuple[bool, str], list[Record]] = defaultdict(list)
    for check in checks:
        groups[bool(check.get("documented")), check["level"]].append(check)
    return [
        _row(documented, level, groups[documented, level])
        for documented, level in sorted(groups, key=lambda key: (key[0], _rank(key[1])))
    ]


def _row(documented: bool, level: str, checks: Sequence[Record]) -> dict[str, Any]:
    subjects = [check["subject"] for check in checks]
    magnitude: Magnitude | None = worst(checks)
    return {
        "documented": documented,
        "level": level,
        "where": where.told((each["implementation"], each["mode"], each["dtype"]) for each in subjects),
        "clauses": sorted({check["clause"] for check in checks}),
        "count": len(checks),
        "magnitude": magnitude.told if magnitude else "",
    }


_PLACES = ("version", "implementation", "mode", "dtype", "device")


def _gravity(cause: Cause) -> tuple[bool, bool, int, int, int, int, str, str]:
    first = cause["rows"][0]
    severity = _SEVERITIES.index(cause["severity"]) if cause["severity"] in _SEVERITIES else len(_SEVERITIES)
    apart = cause["role"] != "function"
    rank = int(cause["rank"]) if str(cause["rank"]).isdecimal() else _UNRANKED
    return apart, first["documented"], severity, rank, _rank(first["level"]), -first["count"], *_name(cause)


def _rank(level: str) -> int:
    return _LEVELS.index(Level(level)) if level in _LEVELS else len(_LEVELS)


def _name(cause: Cause) -> tuple[str, str]:
    return str(cause["adapter"]), str(cause["id"])


def _simplicity(check: Record) -> tuple[bool, bool, bool, bool, bool, int]:
    """The easiest to understand is the largest: alone, of one quantity, with a number, in float32, eager, short."""
    subject, script = check["subject"], check.get("reproducer", "")
    # A script shows one quantity; a clause on shapes, weights or laws may have found its deviation in another.
    plain = check["clause"][:1] in ("V", "G", "D", "E")
    eager, common = subject["mode"] == "eager", subject["dtype"] == "float32"
    return bool(script), plain, "worst" in check, common, eager, -len(script)

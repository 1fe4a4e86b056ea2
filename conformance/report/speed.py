"""How fast, beside how right: every measured time with its interval, and whether its subject may stand in a ranking."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.arithmetic.dtype import DTYPES
from conformance.records.record import BREAKS, Record
from conformance.report.merge import Key, Merged, named
from conformance.report.pack import packed
from conformance.report.standing import Standing, standing
from conformance.speed.statistic import median_interval

# The clauses whose errors stand beside a pass: result ULP, tails included.
ACCURACY = {"forward": "V3", "backward": "G2"}
_COMPUTED, _BESIDE = "VGRWLP", ("G12",)  # forward mode is not timed
UNJUDGED, WRONG, RIGHT = "unjudged", "wrong", "right"
Judged = dict[str, Any]


def speed(merged: Merged, who: Standing | None = None) -> str:
    """The speed records for the page, packed; '' if there are none."""
    times = [each for each in merged.others if each["record"] == "speed"]
    if not times:
        return ""
    who = who or standing(merged)
    standings = _standings(merged.checks, {named(each["subject"]) for each in times})
    precisions = {name: dtype.precision for name, dtype in DTYPES.items()}
    return packed(
        {
            "times": [_time(each, standings) | {"counts": _counts(each, who)} for each in times],
            "precisions": precisions,
        },
        {},
    )


def is_computed(clause: str) -> bool:
    """True if the clause is on what a time buys: values, gradients, reductions. Others are rules on calls."""
    return clause[:1] in _COMPUTED and clause not in _BESIDE


def _counts(record: Record, who: Standing) -> bool:
    """True for a public function that no other stands for."""
    name = (record["subject"]["adapter"], record["subject"]["implementation"])
    return who.roles.get(name, "function") == "function" and not who.twin(name)


def _time(record: Record, standings: Mapping[Key, Judged]) -> Record:
    """What the charts need of a record; samples are many, their median's interval is two numbers."""
    median, low, high = median_interval(record["samples"])
    subject = named(record["subject"])
    kept = ("workload", "pass", "reduction", "elements", "fewest_bytes", "first_call", "peak_memory", "threads")
    judged = standings.get(subject, {"state": UNJUDGED, "must": [], "ulp": {}})
    return {
        **{name: record.get(name) for name in kept},
        "subject": subject,
        "shape": record["workload"].split("-")[2] if record["workload"].count("-") > 1 else "",
        "seconds": [median, low, high],
        "rounds": len(record["samples"]),
        "yardstick": record.get("yardstick", {}),
        "of_bandwidth": record.get("of_bandwidth"),
        "state": WRONG if record.get("unranked") else judged["state"],
        "unranked": record.get("unranked", ""),
        "must": judged["must"],
        "wrong": [clause for clause in judged["must"] if is_computed(clause)],
        "ulp": judged["ulp"].get(record["pass"]),
    }


def _standings(checks: Sequence[Record], subjects: set[Key]) -> dict[Key, Judged]:
    """For each subject that was judged: its must deviations, and its largest errors.

    A time may have been taken with another version than the one that was judged, or on other days: versions must agree.
    """
    found: dict[Key, Judged] = {}
    clauses = {clause: step for step, clause in ACCURACY.items()}
    for check in checks:
        key = named(check["subject"])
        if key not in subjects:
            continue
        judged = found.setdefault(key, {"state": RIGHT, "must": [], "ulp": {}})
        if check["level"] == "must" and check["outcome"] in BREAKS:
            if is_computed(check["clause"]):
                judged["state"] = WRONG
            if check["clause"] not in judged["must"]:
                judged["must"] = sorted([*judged["must"], check["clause"]])
        step = clauses.get(check["clause"])
        if step and (error := _error(check)) is not None:
            judged["ulp"][step] = max(judged["ulp"].get(step, 0.0), error)
    for judged in found.values():
        # JSON has no infinity; the page shows what is beyond every scale as lost.
        judged["ulp"] = {step: error if math.isfinite(error) else -1 for step, error in judged["ulp"].items()}
    return found


def _error(check: Record) -> float | None:
    value = check.get("measures", {}).get("max_result_ulp")
    if isinstance(value, int | float):
        return float(value)
    return math.inf if value in ("inf", "nan") else None

"""The case explorer's data: every check as a row of numbers into tables of distinct values."""

from __future__ import annotations

import json
from typing import Any

from conformance.arithmetic.dtype import DTYPES
from conformance.records.record import Record
from conformance.report.causes import Cause
from conformance.report.merge import Merged, named
from conformance.report.pack import Interned, column, packed
from conformance.report.states import DEVIATING, GRADES, LEVELS, STATES, SYMBOLS, state
from conformance.spec.clauses import CLAUSES

_TEXTS = ("signature", "detail", "deviation", "note", "reproducer")


def explorer(merged: Merged, causes: list[Cause]) -> str:
    """Everything that the explorer needs, packed."""
    checks = merged.checks
    subjects: Interned[tuple[str, ...]] = Interned()
    clauses: Interned[tuple[str, str]] = Interned()
    cases: Interned[str] = Interned(merged.cases)
    outcomes: Interned[str] = Interned()
    texts: dict[str, Interned[str]] = {name: Interned([""]) for name in (*_TEXTS, "measures", "worst")}
    states = list(STATES)
    places = {name: place for place, name in enumerate(states)}
    written: dict[str, str] = {}
    columns = {
        "subject": subjects.all(named(check["subject"]) for check in checks),
        "clause": clauses.all((check["clause"], check["level"]) for check in checks),
        "case": cases.all(check["case"] for check in checks),
        "state": [places[state(check)] for check in checks],
        "outcome": outcomes.all(check["outcome"] for check in checks),
        "expected": [int(check["expected"]) for check in checks],
        **{name: texts[name].all(check.get(name, "") for check in checks) for name in _TEXTS},
        **{
            name: texts[name].all(_text(check.get(name), written) for check in checks) for name in ("measures", "worst")
        },
    }
    header = {
        "subjects": subjects.values(),
        "clauses": clauses.values(),
        "cases": [_case(name, merged.cases.get(name)) for name in cases.values()],
        "states": states,
        "deviating": [states.index(name) for name in DEVIATING],
        "meanings": STATES,
        "levels": LEVELS,
        "grades": GRADES,
        "symbols": SYMBOLS,
        "sentences": {clause.id: clause.sentence for clause in CLAUSES.values()},
        "bounds": {clause.id: [each.ulps, each.measure] for clause in CLAUSES.values() if (each := clause.bound)},
        "precisions": {name: dtype.precision for name, dtype in DTYPES.items()},
        "outcomes": outcomes.values(),
        "causes": [_brief(each) for each in causes],
        **{name: table.values() for name, table in texts.items()},
    }
    return packed(header, {name: column(numbers) for name, numbers in columns.items()})


def _text(value: Any, written: dict[str, str]) -> str:
    """The value as JSON; most values occur many times, and to look one up is cheaper than to write it."""
    if value is None:
        return ""
    key = repr(value)
    if key not in written:
        written[key] = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return written[key]


def _case(name: str, known: Record | None) -> Record:
    if known is None:
        return {"case": name}
    return {key: value for key, value in known.items() if key not in ("record", "hash")}


def _brief(cause: Cause) -> dict[str, Any]:
    return {key: cause[key] for key in ("adapter", "id", "reason", "implementations", "level", "clauses")}

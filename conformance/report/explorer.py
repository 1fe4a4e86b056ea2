"""The case explorer's data: every check as a row of numbers into tables of distinct values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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
    alike, looks = _looks(checks)
    of_looks = {
        "state": [places[state(look)] for look in looks],
        "outcome": outcomes.all([look["outcome"] for look in looks]),
        "expected": [int(look["expected"]) for look in looks],
        **{name: texts[name].all([look.get(name, "") for look in looks]) for name in _TEXTS},
    }
    columns = {
        "subject": column(subjects.all([named(check["subject"]) for check in checks])),
        "clause": column(clauses.all([(check["clause"], check["level"]) for check in checks])),
        "case": column(cases.all([check["case"] for check in checks])),
        **{name: column(numbers)[alike] for name, numbers in of_looks.items()},
        **{name: _written(texts[name], [check.get(name) for check in checks]) for name in ("measures", "worst")},
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
    return packed(header, columns)


def _looks(checks: Sequence[Record]) -> tuple[npt.NDArray[np.int64], list[Record]]:
    """For each check the number of its look, and a check of each look: many more are alike than not."""
    numbers: dict[tuple[Any, ...], int] = {}
    first: list[Record] = []
    alike = np.zeros(len(checks), np.int64)
    for place, check in enumerate(checks):
        get = check.get
        look = (
            check["outcome"], check["signature"], check["expected"], get("documented"), get("detail"),
            get("deviation"), get("note"), get("reproducer"),
        )  # fmt: skip
        number = numbers.setdefault(look, len(first))
        if number == len(first):
            first.append(check)
        alike[place] = number
    return alike, first


def _written(texts: Interned[str], values: Sequence[Record | None]) -> npt.NDArray[Any]:
    """The numbers of the values as JSON; many occur often, and to look one up is cheaper than to write it."""
    seen: Interned[tuple[Any, ...] | None] = Interned()
    numbers = np.array(seen.all([None if value is None else tuple(value.items()) for value in values]), np.int64)
    written = [
        "" if items is None else json.dumps(dict(items), ensure_ascii=False, separators=(",", ":"))
        for items in seen.values()
    ]
    return column(texts.all(written))[numbers]


def _case(name: str, known: Record | None) -> Record:
    if known is None:
        return {"case": name}
    return {key: value for key, value in known.items() if key not in ("record", "hash")}


def _brief(cause: Cause) -> dict[str, Any]:
    return {key: cause[key] for key in ("adapter", "id", "reason", "implementations", "level", "clauses")}

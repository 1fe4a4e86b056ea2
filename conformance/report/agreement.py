"""Agreement: how far apart two implementations are, and what a port from one to the other changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from conformance import operator
from conformance.arithmetic.dtype import DTYPES, Dtype
from conformance.arithmetic.exact import Floats
from conformance.arithmetic.ulp import unit
from conformance.report.causes import Cause
from conformance.report.curves import ABSENT, INFINITE, LARGEST, STEPS, Lattice, Sample
from conformance.report.merge import Key, Merged, named
from conformance.report.pack import Interned, packed

Numbers = dict[tuple[str, str, str], str]
_TOLD = ("adapter", "id", "reason", "harm", "link", "implementations", "modes", "level")
CLOSE = 4.0  # ULP of the exact value: closer than two results of class LA can be told apart


def agreement(merged: Merged, grids: dict[str, Lattice], measured: list[Sample], causes: list[Cause]) -> str:
    """Distances of every pair, by dtype and quantity, and what each implementation offers; packed."""
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in measured:
        groups.setdefault((sample.subject["dtype"], sample.quantity), []).append(sample)
    tables = []
    arrays: dict[str, npt.NDArray[Any]] = {}
    for (dtype, quantity), members in groups.items():
        key = f"{dtype}.{quantity}"
        tables.append({"dtype": dtype, "quantity": quantity, "subjects": [named(each.subject) for each in members]})
        arrays |= {f"{key}.{name}": table for name, table in _distances(members, grids[dtype]).items()}
    for dtype, numbers in _reduced(merged).items():
        key = f"{dtype}.reduction"
        tables.append({"dtype": dtype, "quantity": "reduction", "subjects": list(numbers)})
        arrays |= {f"{key}.{name}": table for name, table in _apart(list(numbers.values()), DTYPES[dtype]).items()}
    header = {
        "tables": tables,
        "steps": STEPS,
        "infinite": INFINITE,
        "absent": ABSENT,
        "close": CLOSE,
        "implementations": list(merged.implementations.values()),
        "misdividing": _misdividing(merged),
        "causes": [
            {key: each[key] for key in _TOLD} | {"documented": each["rows"][0]["documented"]} for each in causes
        ],
    }
    return packed(header, arrays)


def _distances(members: list[Sample], lattice: Lattice) -> dict[str, npt.NDArray[Any]]:
    quantity = members[0].quantity
    units = unit(lattice.exact[quantity].exponent, lattice.dtype)
    x, z = lattice.elements(len(lattice.labels))
    # An exact zero has no ulp of its own: there, that of the largest term counts.
    zero, ones = lattice.exact[quantity].hi == 0, np.ones_like(x)
    terms = operator.largest_term(quantity, x, z, ones, ones, ones)
    units[zero] = unit(np.frexp(terms[zero])[1].astype(np.int64) - 1, lattice.dtype)
    # Modes often return the same bits, and need not be compared twice.
    distinct: Interned[bytes] = Interned()
    numbers = distinct.all(member.got.tobytes() for member in members)
    results = [np.frombuffer(raw, np.float64) for raw in distinct.values()]
    count = len(results)
    furthest, same = np.zeros((count, count), np.uint16), np.full((count, count), 100, np.uint8)
    low, high = np.full((count, count), np.nan), np.full((count, count), np.nan)
    for a in range(count):
        for b in range(a):
            size = min(len(results[a]), len(results[b]))
            apart = distance(results[a][:size], results[b][:size], units[:size])
            furthest[a, b] = furthest[b, a] = _coded(float(apart.max(initial=0)))
            # Rounded down: 100% means every element.
            same[a, b] = same[b, a] = int(100 * np.mean(apart == 0)) if size else 0
            far = x[:size][apart > CLOSE]
            if len(far):
                low[a, b] = low[b, a] = far.min()
                high[a, b] = high[b, a] = far.max()
    tables: dict[str, npt.NDArray[Any]] = {"furthest": furthest, "same": same, "low": low, "high": high}
    return {name: table[np.ix_(numbers, numbers)] for name, table in tables.items()}


def distance(a: Floats, b: Floats, units: npt.NDArray[np.int64]) -> Floats:
    """``|a - b|`` in ULP of the exact value; infinite where one is NaN or infinite and the other is not that."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.ldexp(np.abs(a - b), -units.astype(np.int32))
    apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    return np.where(np.isnan(apart), np.inf, apart)


def _reduced(merged: Merged) -> dict[str, dict[Key, Numbers]]:
    """By dtype and subject, the numbers that reductions gave: by clause, case and exact value."""
    found: dict[str, dict[Key, Numbers]] = {}
    for check in merged.checks:
        dtype = check["subject"]["dtype"]
        if check["clause"][:1] == "R" and "worst" in check and dtype in DTYPES:
            # Two exact values of one case are two ways to divide: they are not comparable, and kept apart.
            key = (check["clause"], check["case"], check["worst"]["exact"])
            found.setdefault(dtype, {}).setdefault(named(check["subject"]), {})[key] = check["worst"]["got"]
    return {name: found[name] for name in DTYPES if name in found}


def _apart(members: list[Numbers], dtype: Dtype) -> dict[str, npt.NDArray[Any]]:
    distinct: Interned[tuple[Any, ...]] = Interned()
    numbers = distinct.all(tuple(sorted(member.items())) for member in members)
    members = [dict(items) for items in distinct.values()]
    count = len(members)
    furthest = np.full((count, count), ABSENT, np.uint16)
    same = np.zeros((count, count), np.uint8)
    np.fill_diagonal(furthest, 0)
    np.fill_diagonal(same, 100)
    keys = sorted({key for member in members for key in member})
    sizes = np.array([_float(exact) for _, _, exact in keys])
    units = unit(np.frexp(sizes)[1].astype(np.int64) - 1, dtype)
    there = np.array([[key in member for key in keys] for member in members], np.bool_)
    got = np.array([[_float(member.get(key, "nan")) for key in keys] for member in members])
    for a in range(count):
        for b in range(a):
            both = there[a] & there[b]
            if both.any():
                apart = distance(got[a][both], got[b][both], units[both])
                furthest[a, b] = furthest[b, a] = _coded(float(apart.max()))
                same[a, b] = same[b, a] = int(100 * np.mean(apart == 0))
    nowhere = np.full((len(numbers), len(numbers)), np.nan)
    place = np.ix_(numbers, numbers)
    return {"furthest": furthest[place], "same": same[place], "low": nowhere, "high": nowhere}


def _coded(largest: float) -> int:
    return INFINITE if np.isinf(largest) else min(LARGEST, round(STEPS * float(np.log2(1 + largest))))


def _float(text: str) -> float:
    """A recorded number; what is none is NaN."""
    try:
        return float.fromhex(text)
    except (ValueError, OverflowError):
        return math.nan


def _misdividing(merged: Merged) -> list[list[str]]:
    """Adapter and implementation pairs whose reductions were found to divide by another number than documented."""
    found = {
        (check["subject"]["adapter"], check["subject"]["implementation"])
        for check in merged.checks
        if check["signature"] == "wrong-divisor"
    }
    return [list(each) for each in sorted(found)]

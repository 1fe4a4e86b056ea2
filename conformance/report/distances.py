"""How far apart two implementations are at most on the grid: absolutely, and in ULP of the exact value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from conformance import operator
from conformance.arithmetic.exact import Floats
from conformance.arithmetic.ulp import unit
from conformance.report.curves import Lattice, Sample
from conformance.report.pack import Interned

EVERYDAY = 100.0  # logits up to here, for absolute distances


def distances(members: Sequence[Sample], lattice: Lattice) -> dict[str, npt.NDArray[np.float64]]:
    """Tables of every pair: ``hard`` and ``any`` absolute, for hard and any labels and |logit| <= 100; and ``ulp``."""
    units, (x, z) = _units(members[0].quantity, lattice), lattice.elements(len(lattice.labels))
    near = np.abs(x) <= EVERYDAY
    hard = near & ((z == 0) | (z == 1))
    # Modes often return the same bits, and need not be compared twice.
    distinct: Interned[bytes] = Interned()
    numbers = distinct.all(member.got.tobytes() for member in members)
    results = [np.frombuffer(raw, np.float64) for raw in distinct.values()]
    tables = {name: np.zeros((len(results), len(results))) for name in ("hard", "any", "ulp")}
    for a, one in enumerate(results):
        for b, other in enumerate(results[:a]):
            size = min(len(one), len(other))
            apart = absolute(one[:size], other[:size])
            found = {"hard": apart[hard[:size]], "any": apart[near[:size]]}
            found["ulp"] = distance(one[:size], other[:size], units[:size])
            for name, each in found.items():
                tables[name][a, b] = tables[name][b, a] = each.max(initial=0.0)
    return {name: table[np.ix_(numbers, numbers)] for name, table in tables.items()}


def absolute(a: Floats, b: Floats) -> Floats:
    """``|a - b|``; infinite where one is NaN or infinite and the other is not that."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(a - b)
    apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    return np.where(np.isnan(apart), np.inf, apart)


def distance(a: Floats, b: Floats, units: npt.NDArray[np.int64]) -> Floats:
    """``|a - b|`` in ULP of the exact value; infinite where one is NaN or infinite and the other is not that."""
    with np.errstate(over="ignore"):
        return np.ldexp(absolute(a, b), -units.astype(np.int32))


def _units(quantity: str, lattice: Lattice) -> npt.NDArray[Any]:
    units = unit(lattice.exact[quantity].exponent, lattice.dtype)
    x, z = lattice.elements(len(lattice.labels))
    # An exact zero has no ulp of its own: there, that of the largest term counts.
    zero, ones = lattice.exact[quantity].hi == 0, np.ones_like(x)
    terms = operator.largest_term(quantity, x, z, ones, ones, ones)
    units[zero] = unit(np.frexp(terms[zero])[1].astype(np.int64) - 1, lattice.dtype)
    return units

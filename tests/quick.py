"""Which cases make the quick part: the cheapest ones that fail every miniature that the whole suite fails.

A set cover, solved exactly; ``pytest tests/test_teeth.py --write-teeth`` stores it in cases/quick.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_array

from conformance.arithmetic.dtype import DTYPES
from conformance.golden import collection
from tests.teeth import Verdict

Unit = tuple[str, str]  # a case in a dtype
# Seconds of a right PyTorch function, by the beginning of a case's name; the rest costs two hundredths.
_SECONDS = {"configurations/": 1.5, "reductions/large": 0.6, "laws/": 0.2}
_REST = 0.02


def chosen(verdicts: Iterable[Verdict]) -> dict[str, list[str]]:
    """The dtypes in which each case of the quick part is heard."""
    killers = [units for each in verdicts if (units := killing(each))]
    units = sorted(set().union(*killers))
    place = {unit: index for index, unit in enumerate(units)}
    covers = lil_array((len(killers), len(units)))
    for row, found in enumerate(killers):
        for unit in found:
            covers[row, place[unit]] = 1
    # A fraction that depends on the place makes the cheapest choice the only one.
    costs = np.array([_cost(case) for case, _ in units]) + 1e-6 * np.arange(len(units))
    result = milp(
        costs,
        constraints=LinearConstraint(covers.tocsr(), lb=1),
        integrality=np.ones(len(units)),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    taken = {unit for unit, used in zip(units, result.x, strict=True) if used > 0.5}
    return {case: [dtype for dtype in DTYPES if (case, dtype) in taken] for case in sorted({case for case, _ in taken})}


def killing(verdict: Verdict) -> set[Unit]:
    """What fails a miniature, of that which a run hears without being asked for it by name."""
    heard = {each.id for each in collection.load_all() if "L9" not in each.clauses}
    return {(case, dtype) for _, case, dtype in verdict.kills if case in heard}


def missed(verdicts: Iterable[Verdict], part: Mapping[str, Iterable[str]]) -> list[str]:
    """The miniatures that the whole fails and the quick part does not."""
    units = {(case, dtype) for case, dtypes in part.items() for dtype in dtypes}
    return [each.miniature.name for each in verdicts if (found := killing(each)) and not found & units]


def _cost(case: str) -> float:
    return next((seconds for start, seconds in _SECONDS.items() if case.startswith(start)), _REST)

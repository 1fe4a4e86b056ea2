"""How much of its bound each clause's conforming checks used: which bounds decide, and which are far from everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.records.record import Record
from conformance.report.merge import Merged
from conformance.report.standing import standing
from conformance.spec.clauses import CLAUSES
from conformance.spec.verdict import OF_BOUND


@dataclass(frozen=True)
class Share:
    """The largest share of a clause's bound that a conforming check of a public function used, and whose it was."""

    of_bound: float
    check: Record

    @property
    def told(self) -> str:
        """In a line."""
        subject, case = self.check["subject"], self.check["case"]
        who = f"{subject['adapter']} {subject['implementation']} ({subject['mode']}, {subject['dtype']})"
        return f"{100 * self.of_bound:.0f} %, {who} in {case}"


def largest(merged: Merged) -> Mapping[str, Share]:
    """The largest share, by clause; a clause without a bound, or that nobody keeps, has none."""
    found: dict[str, Share] = {}
    for check in standing(merged).counted(merged.checks):
        share = check.get("measures", {}).get(OF_BOUND)
        clause = CLAUSES.get(check["clause"])
        if check["outcome"] != "conforms" or not isinstance(share, int | float) or clause is None or not clause.bound:
            continue
        if check["clause"] not in found or share > found[check["clause"]].of_bound:
            found[check["clause"]] = Share(float(share), check)
    return found

"""A badge: the endpoint JSON of shields.io."""

from __future__ import annotations

import json
from collections import Counter

from conformance.report.merge import Merged
from conformance.report.standing import standing
from conformance.report.states import state


def badge(merged: Merged) -> str:
    """What is unexpected, or else how many checks of public functions hold, or deviate as is known. No score."""
    surprises = ("unexpected", "crashed")
    states = Counter(each for check in merged.checks if (each := state(check)) in surprises)
    states += Counter(
        each for check in standing(merged).counted(merged.checks) if (each := state(check)) not in surprises
    )
    surprising = states["unexpected"] + states["crashed"]
    if not merged.checks:
        message, colour = "no data", "lightgrey"
    elif surprising:
        message, colour = f"{surprising:,} unexpected", "red"
    else:
        message, colour = f"{states['conforms']:,} conform, {states['known']:,} known deviations", "brightgreen"
    record = {"schemaVersion": 1, "label": "sigmoid cross-entropy", "message": message, "color": colour}
    return json.dumps(record, ensure_ascii=False) + "\n"

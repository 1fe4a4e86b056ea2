"""A badge: the endpoint JSON of shields.io."""

from __future__ import annotations

import json
from collections import Counter

from conformance.report.merge import Merged
from conformance.report.states import state


def badge(merged: Merged) -> str:
    """What is unexpected, or else how many checks hold and how many deviations are known. No score."""
    states = Counter(state(check) for check in merged.checks)
    surprising = states["unexpected"] + states["crashed"]
    if not merged.checks:
        message, colour = "no data", "lightgrey"
    elif surprising:
        message, colour = f"{surprising:,} unexpected", "red"
    else:
        message, colour = f"{states['conforms']:,} conform, {states['known']:,} known deviations", "brightgreen"
    record = {"schemaVersion": 1, "label": "sigmoid cross-entropy", "message": message, "color": colour}
    return json.dumps(record, ensure_ascii=False) + "\n"

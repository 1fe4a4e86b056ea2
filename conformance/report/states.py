"""The states of a check as the page names them, and which of two is worse."""

from __future__ import annotations

from conformance.records.record import BREAKS, Record

STATES = {
    "conforms": "the clause holds",
    "known": "it deviates as the ledger says: a known deviation, with reason and harm below",
    "documented": "it deviates, and the framework's own documentation says so: a difference, nobody's fault",
    "unexpected": "it deviates and the ledger does not say so, or it no longer does what the ledger says",
    "unsupported": "the implementation does not offer what the case needs, and says so",
    "crashed": "the process that ran it died or hung",
    "no-data": "nothing ran: the framework is missing or does not start, neither a pass nor a failure",
}
LEVELS = {
    "must": "a deviation is more than rounding excuses",
    "should": "a deviation loses accuracy or a feature that could be had",
    "may": "several behaviours are accepted; a deviation is outside of them",
}
GRADES = {
    "HA": "at most 1 ULP: high accuracy",
    "LA": "at most 4 ULP: low accuracy",
    "EP": "half of the bits: enhanced performance",
    "lost": "fewer than half of the bits, NaN or infinity",
}
SYMBOLS = {
    "conforms": "✓",
    "must": "■",
    "should": "◆",
    "may": "●",
    "documented": "§",
    "unexpected": "!",
    "crashed": "✕",
    "unsupported": "–",
    "no-data": "?",
}
DEVIATING = ("documented", "known", "unexpected", "crashed")
SEVERITIES = {
    "silent-large": "silent and large",
    "run-dies": "the run dies",
    "silent-small": "silent and small",
    "refused": "refused or missing",
}


def state(check: Record) -> str:
    """The state of a check. A crash that the ledger lists is known as any other deviation is."""
    if check["outcome"] == "no-data" or (check["outcome"] == "crashed" and not check["expected"]):
        return str(check["outcome"])
    if not check["expected"]:
        return "unexpected"
    if check["outcome"] in BREAKS:
        return "documented" if check.get("documented") else "known"
    return str(check["outcome"])

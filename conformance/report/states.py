"""The states of a check as the page names them, and which of two is worse."""

from __future__ import annotations

from conformance.record import Record

STATES = {
    "conforms": "the clause holds",
    "known": "it deviates as the ledger says: a known deviation, with reason and harm below",
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
    "unexpected": "!",
    "crashed": "✕",
    "unsupported": "–",
    "no-data": "?",
}
DEVIATING = ("known", "unexpected", "crashed")


def state(check: Record) -> str:
    """The state of a check."""
    if check["outcome"] in ("crashed", "no-data"):
        return str(check["outcome"])
    if not check["expected"]:
        return "unexpected"
    return {"deviates": "known", "errored": "known"}.get(check["outcome"], str(check["outcome"]))

"""What a deviation does: the same effect is one thing in every framework, whatever a ledger calls it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from conformance.records.record import Record

EVERYDAY = 6.0  # logits up to here are what a model mostly gives: a probability of 0.9975
_LOST = ("lost-tail", "lost-bits")
_QUANTITIES = {
    "V": "loss",
    "G": "gradient",
    "R": "mean",
    "W": "weighted loss",
    "P": "loss of probabilities",
    "S": "loss",
}
_OF_CLAUSE = {"V4": "loss", "G11": "second derivative", "G12": "forward mode", "P3": "gradient of probabilities",
              "P5": "gradient of probabilities", "P6": "gradient of probabilities", "P7": "gradient of probabilities",
              "S2": "gradient", "S3": "loss", "S5": "gradient", "S7": "gradient", "L1": "symmetry", "W2": "gradient",
              "W3": "gradient", "R7": "gradient of the mean"}  # fmt: skip
_WHOLE = {
    "S8": "wrong shapes accepted", "D3": "integer labels cut the loss", "E1": "integer logits accepted",
    "L5": "last bits depend on the position", "W6": "NaN at weight 0", "E2": "labels outside [0, 1]",
    "S6": "empty batch",
}  # fmt: skip


_WORDS = {
    "nan": "NaN", "overflow": "infinite", "wrong-sign": "wrong", "wrong-value": "wrong", "off-by-ulps": "inexact",
    "wrong-dtype": "of another dtype", "wrong-shape": "of another shape", "error": "raises",
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Effect:
    """A quantity and what happens to it."""

    quantity: str
    what: str

    @property
    def told(self) -> str:
        """In a few words."""
        return f"{self.quantity} {self.what}".strip()


def effect(check: Record) -> Effect:
    """The effect of a check that deviates or raises."""
    clause, signature = check["clause"], check["signature"]
    if clause in _WHOLE and (clause != "D3" or signature == "truncated"):
        return Effect(_WHOLE[clause], "")
    quantity = _OF_CLAUSE.get(clause) or _QUANTITIES.get(clause[:1], "result")
    if clause in ("V4", "G10"):
        return Effect(quantity, "NaN at infinite logits")
    if signature in _LOST:
        return Effect(quantity, "tail lost")
    return Effect(quantity, _WORDS.get(signature, signature.replace("-", " ")))


def everyday(case: Record | None) -> bool:
    """True if all logits of a case are finite and at most ``EVERYDAY`` in size."""
    return case is not None and (size := _largest(case)) is not None and size <= EVERYDAY


def tail(case: Record | None) -> bool:
    """True if some logit of a case is finite and larger, and none is infinite."""
    return case is not None and (size := _largest(case)) is not None and EVERYDAY < size < float("inf")


def _largest(case: Record) -> float | None:
    try:
        sizes = [
            abs(float(each) if "0x" not in each else float.fromhex(each)) for each in _flat(case["input"].get("logits"))
        ]
    except ValueError:
        return None
    return max(sizes) if sizes else None


def _flat(value: object) -> Collection[str]:
    if isinstance(value, list):
        return [each for part in value for each in _flat(part)]
    return [] if value is None else [str(value)]

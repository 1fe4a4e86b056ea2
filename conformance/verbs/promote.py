"""What random search found becomes a golden case: the worst element of a law that does not hold, with its proof."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.number import rounded
from conformance.golden import prove
from conformance.records.record import Record

# The chapter that judges an element's quantity on its own, and the clauses of a case there.
_CHAPTERS = {"loss": ("values", ("V1", "V2", "V3")), "gradient": ("gradients", ("G1", "G2", "G4"))}


@dataclass
class Find:
    """One element, for one quantity: the dtypes in which it was found, and the first law and subject that found it."""

    quantity: str
    logit: str
    label: str
    source: str
    dtypes: set[str] = field(default_factory=set)

    @property
    def path(self) -> str:
        """Where its case goes, below cases/."""
        digest = hashlib.sha256(f"{self.quantity} {self.logit} {self.label}".encode()).hexdigest()[:8]
        return f"{_CHAPTERS[self.quantity][0]}/found-{digest}.toml"

    def text(self) -> str:
        """The hand-written part of the case's file, as a person would write it."""
        clauses = ", ".join(f'"{name}"' for name in _CHAPTERS[self.quantity][1])
        dtypes = ", ".join(f'"{name}"' for name in DTYPES if name in self.dtypes)
        logit = rounded(self.logit, DTYPES["float64"])
        return (
            f'idea = "The {self.quantity} at logit {logit:.9g} and label {_decimal(self.label)} is within its bounds"\n'
            f'source = "{self.source}"\n'
            f"clauses = [{clauses}]\n"
            'flags = ["found-by-search"]\n'
            f"dtypes = [{dtypes}]\n"
            "\n[input]\n"
            f'logits = ["{self.logit}"]\n'
            f'labels = ["{_decimal(self.label)}"]\n'
        )


def finds(records: Iterable[Record], *, expected: bool = False) -> list[Find]:
    """The elements with which laws were broken, in the order of the records; the expected ones too if asked for."""
    found: dict[tuple[str, str, str], Find] = {}
    seed = 0
    for each in records:
        if each["record"] == "run":
            seed = each["options"].get("seed", 0)
        for quantity in _quantities(each, expected):
            worst, subject = each["worst"], each["subject"]
            source = (
                f"random search: {each['clause']} with seed {seed}, "
                f"{subject['adapter']} {subject['version']} {subject['implementation']} ({subject['mode']})"
            )
            key = (quantity, worst["logit"], worst["label"])
            find = found.setdefault(key, Find(*key, source.replace('"', "'").replace("\\", "/")))
            find.dtypes.add(subject["dtype"])
    return list(found.values())


def write(found: Iterable[Find], root: Path) -> Iterator[Path]:
    """Write and prove each find's case below ``root``, and yield its path; a case that exists is left alone."""
    for find in found:
        path = root / find.path
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(find.text(), encoding="utf-8")
        prove.write(path, root)
        yield path


def _quantities(each: Record, expected: bool) -> Iterator[str]:
    if each["record"] != "check" or not each["clause"].startswith("L") or each["outcome"] != "deviates":
        return
    if "worst" in each and each["worst"]["logit"] and (expected or not each["expected"]):
        # L3's values are gradients; the others say which one differs.
        yield "gradient" if each["clause"] == "L3" or "gradient" in each.get("detail", "") else "loss"


def _decimal(label: str) -> str:
    return f"{rounded(label, DTYPES['float64']):g}"

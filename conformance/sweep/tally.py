"""What was counted, in a form that merges: of blocks, of machines, in any order."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.arithmetic.dtype import Dtype
from conformance.sweep.classes import DISTANCES, NAMES


@dataclass(frozen=True, order=True)
class Witness:
    """An element: its distance in ULP (0 for kinds without one), and the bit patterns of logit, label and result."""

    ulp: float
    logit: int
    label: int
    got: int

    def worse(self, other: Witness) -> Witness:
        """The one with the larger error; of equals, that with the lower label, then logit."""
        return min(self, other, key=lambda each: (-each.ulp, each.label, each.logit))


@dataclass(frozen=True)
class Region:
    """Where a class of bad elements is: the first and the last logit's pattern, and the worst of them."""

    first: int
    last: int
    worst: Witness

    def merged(self, other: Region) -> Region:
        """Both."""
        return Region(min(self.first, other.first), max(self.last, other.last), self.worst.worse(other.worst))


RegionKey = tuple[int, str]  # the class; 'negative' or 'positive' logits


@dataclass(frozen=True)
class Tally:
    """One quantity over some blocks, for one label or for all.

    ``counts``: elements by class. ``balls``: how many of them ball arithmetic decided. ``curve``: the largest distance
    in ULP by the pattern of the logit with which a part of the axis begins.
    """

    counts: Mapping[int, int] = field(default_factory=dict)
    balls: int = 0
    worst: Witness | None = None
    regions: Mapping[RegionKey, Region] = field(default_factory=dict)
    curve: Mapping[int, float] = field(default_factory=dict)

    @property
    def elements(self) -> int:
        """How many were counted."""
        return sum(self.counts.values())

    def merged(self, other: Tally) -> Tally:
        """Both. Associative and commutative."""
        counts = {key: self.counts.get(key, 0) + other.counts.get(key, 0) for key in {*self.counts, *other.counts}}
        worst = self.worst.worse(other.worst) if self.worst and other.worst else self.worst or other.worst
        regions = dict(self.regions)
        for key, region in other.regions.items():
            regions[key] = regions[key].merged(region) if key in regions else region
        curve = {key: max(self.curve.get(key, 0.0), other.curve.get(key, 0.0)) for key in {*self.curve, *other.curve}}
        return Tally(counts, self.balls + other.balls, worst, regions, curve)

    def to_json(self, dtype: Dtype) -> dict[str, Any]:
        """As it is written: bit patterns in hex, distances as numbers."""
        digits = dtype.bits // 4
        written: dict[str, Any] = {
            "elements": self.elements,
            "counts": {NAMES[key]: self.counts[key] for key in sorted(self.counts)},
            "balls": self.balls,
        }
        if self.worst:
            written["worst"] = _witness(self.worst, digits)
        written["regions"] = [
            {
                "class": NAMES[kind],
                "logits": side,
                "first": f"0x{region.first:0{digits}x}",
                "last": f"0x{region.last:0{digits}x}",
                "worst": _witness(region.worst, digits),
            }
            for (kind, side), region in sorted(self.regions.items())
        ]
        written["curve"] = {f"0x{key:0{digits}x}": self.curve[key] for key in sorted(self.curve)}
        return written

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Tally:
        """What ``to_json`` wrote."""
        return cls(
            {NAMES.index(name): int(count) for name, count in written["counts"].items()},
            int(written["balls"]),
            _read_witness(written["worst"]) if "worst" in written else None,
            {
                (NAMES.index(each["class"]), each["logits"]): Region(
                    int(each["first"], 16), int(each["last"], 16), _read_witness(each["worst"])
                )
                for each in written["regions"]
            },
            {int(key, 16): float(ulp) for key, ulp in written["curve"].items()},
        )


def total(tallies: Iterable[Tally]) -> Tally:
    """All of them."""
    return functools.reduce(Tally.merged, tallies, Tally())


def bad(tally: Tally) -> dict[int, int]:
    """The counts of classes that have bad elements."""
    kinds = {kind for kind, _ in tally.regions}
    return {kind: tally.counts.get(kind, 0) for kind in sorted(kinds)}


def has_distance(kind: int) -> bool:
    """True for the classes that are distances."""
    return kind < DISTANCES


def _witness(witness: Witness, digits: int) -> dict[str, Any]:
    patterns = {"logit": witness.logit, "label": witness.label, "got": witness.got}
    return {"ulp": witness.ulp} | {name: f"0x{value:0{digits}x}" for name, value in patterns.items()}


def _read_witness(written: Mapping[str, Any]) -> Witness:
    return Witness(float(written["ulp"]), *(int(written[name], 16) for name in ("logit", "label", "got")))

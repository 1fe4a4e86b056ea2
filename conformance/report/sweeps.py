"""Every float: what sweeps counted, for tables in HTML and for charts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.arithmetic.dtype import DTYPES, Dtype
from conformance.records.record import Record
from conformance.report.merge import Merged, named
from conformance.report.pack import packed
from conformance.sweep.classes import DISTANCES, NAMES
from conformance.sweep.grid import number, pattern_of

_UPTO = (("½", 1), ("1", 2), ("4", 4))  # ULP, and how many of the first classes are within
_TOLD = {
    "lost": "less than half of the result is right",
    "flushed": "a subnormal result flushed to zero",
    "wrong-sign": "the result has the wrong sign",
    "nan": "NaN where there is a result",
    "nan-lost": "a number for a NaN",
    "limit-lost": "the limit at an infinite logit is missed",
    "overflow": "infinite where the result is finite",
}


@dataclass(frozen=True)
class Row:
    """One quantity and label of a sweep, for reading. Shares are percentages."""

    record: Record
    found: Record
    dtype: Dtype

    @property
    def searched(self) -> bool:
        """True if the elements were looked for, and so nothing was counted."""
        return not self.found["counts"]

    @property
    def shares(self) -> dict[str, str]:
        """Correctly rounded, within 1 ULP, within 4 ULP, and the rest."""
        counts, elements = self.found["counts"], max(1, self.found["elements"])
        if self.searched:
            return dict.fromkeys((*(f"≤ {limit}" for limit, _ in _UPTO), "worse"), "")
        upto = {f"≤ {limit}": sum(counts.get(name, 0) for name in NAMES[:stop]) for limit, stop in _UPTO}
        upto["worse"] = elements - upto["≤ 4"]
        return {name: _percent(count, elements) for name, count in upto.items()}

    @property
    def worst(self) -> dict[str, str]:
        """The largest distance with its witness."""
        return _witness(self.found["worst"], self.dtype) if "worst" in self.found else {}

    @property
    def others(self) -> str:
        """What is no distance, with its counts."""
        counts = self.found["counts"]
        return ", ".join(f"{counts[name]:,} {name}" for name in NAMES[DISTANCES:] if counts.get(name))

    @property
    def regions(self) -> Iterator[dict[str, Any]]:
        """The bad regions: what is wrong, how often, between which logits, and the worst of it."""
        sides = Counter(region["class"] for region in self.found["regions"])
        for region in self.found["regions"]:
            kind = region["class"]
            count = f"{self.found['counts'].get(kind, 0):,}"
            yield {
                "kind": kind,
                "told": _TOLD.get(kind, f"beyond {self.found['limit_ulp']:g} ULP, {kind.replace('<=', 'up to ')}"),
                "count": "at least 1" if self.searched else count if sides[kind] == 1 else f"{count} on both sides",
                "logits": region["logits"],
                "first": _shown(region["first"], self.dtype),
                "last": _shown(region["last"], self.dtype),
                "worst": _witness(region["worst"], self.dtype),
            }


def rows(merged: Merged) -> list[Row]:
    """All sweeps' quantities and labels that the page can read, float32 first."""
    found = [
        Row(record, each, DTYPES[record["subject"]["dtype"]])
        for record in merged.others
        if record["record"] == "sweep" and record["subject"]["dtype"] in DTYPES
        for each in record["found"]
    ]
    return sorted(found, key=_order)


def _order(row: Row) -> tuple[bool, str, bool, str]:
    return row.dtype.name != "float32", row.dtype.name, row.found["quantity"] != "loss", row.found["label"]


def sweeps(found: list[Row]) -> str:
    """Curves and regions for the charts, packed; '' if there are none."""
    if not found:
        return ""
    return packed({"sweeps": [_chart(row) for row in found]}, {})


def _chart(row: Row) -> dict[str, Any]:
    """Places on an axis on which every float takes the same room: patterns, negative logits to the left."""
    sign = 1 << (row.dtype.bits - 1)
    return {
        "subject": named(row.record["subject"]),
        "quantity": row.found["quantity"],
        "label": row.found["label"],
        "bits": row.dtype.bits,
        "precision": row.dtype.precision,
        "limit": row.found["limit_ulp"],
        "curve": sorted([_place(int(key, 16), sign), ulp] for key, ulp in row.found["curve"].items()),
        "regions": [
            {"kind": each["class"]}
            | {end: _place(int(each[name], 16), sign) for end, name in (("from", "first"), ("to", "last"))}
            for each in row.found["regions"]
        ],
        "ticks": list(_ticks(row.dtype)),
    }


def _place(pattern: int, sign: int) -> int:
    return -(pattern & (sign - 1)) if pattern & sign else pattern


def _ticks(dtype: Dtype) -> Iterator[list[Any]]:
    last, spacing = 0, pattern_of(math.inf, dtype) / 9
    for value in (1e-30, 1e-20, 1e-10, 1e-5, 1e-4, 1e-2, 1.0, 100.0, 1e4, 1e10, 1e20, 1e30):
        if dtype.smallest <= value <= dtype.largest:
            place = pattern_of(value, dtype)
            if place - last >= spacing:
                last = place
                yield from ([place, f"{value:g}"], [-place, f"-{value:g}"])
    yield [0, "0"]


def _shown(bits: str, dtype: Dtype) -> str:
    return f"{number(int(bits, 16) % (1 << dtype.bits), dtype):.9g}"


def _witness(witness: Mapping[str, Any], dtype: Dtype) -> dict[str, str]:
    return {
        "ulp": f"{witness['ulp']:.4g}",
        **{name: _shown(witness[name], dtype) for name in ("logit", "label", "got")},
        "bits": witness["logit"],
    }


def _percent(count: int, elements: int) -> str:
    """Three digits, and never 100 or 0 for what is not all or nothing."""
    if count in (0, elements):
        return "100 %" if count else "none"
    share = 100 * count / elements
    return f"{min(share, 99.999):.3f} %" if share >= 0.001 else f"{count:,} of {elements:,}"

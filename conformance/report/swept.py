"""What was swept, for reading: modes that returned the same bits are one, with its largest errors and its commands."""

from __future__ import annotations

import decimal
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conformance.report import release, sweeps
from conformance.report.merge import Merged
from conformance.report.sweeps import Row
from conformance.report.titles import environment, short, titles
from conformance.sweep.grid import pattern_of

_UP = decimal.Context(prec=3, rounding=decimal.ROUND_CEILING)
_DOWN = decimal.Context(prec=3, rounding=decimal.ROUND_FLOOR)
_WORDS = {"nan": "NaN", "overflow": "inf", "wrong-sign": "wrong sign"}
_ROLES = {"composition": "formula that users write", "control": "control of this suite"}
Cell = tuple[str, str]  # quantity, label


@dataclass(frozen=True)
class Swept:
    """One function in one dtype on one device, in the modes that returned the same bits."""

    subject: Mapping[str, str]
    title: str
    role: str
    modes: tuple[str, ...]
    rows: Mapping[Cell, Row]
    number: int

    @property
    def name(self) -> str:
        """Who it is: framework, version, function, and what it is if no public function."""
        role = f" ({_ROLES[self.role]})" if self.role in _ROLES else ""
        return f"{short(self.title)} {self.subject['version']}: `{self.subject['implementation']}`{role}"

    @property
    def commands(self) -> Iterator[str]:
        """What counts it again, a line for each mode."""
        subject, options = self.subject, next(iter(self.rows.values())).record["options"]
        more = "" if options["labels"] == "0,1" else f" --labels {options['labels']}"
        quantities = ",".join(options["quantities"])
        more += "" if quantities == "loss,gradient" else f" --quantity {quantities}"
        for mode in self.modes:
            yield (
                f"python -m conformance sweep --adapter {environment(subject)} "
                f"--implementation {_quoted(subject['implementation'])} --mode {mode} --device {subject['device']} "
                f"--dtype {subject['dtype']}{more}"
            )


def swept(merged: Merged) -> list[Swept]:
    """Frameworks and functions by name, public ones first; unfinished sweeps claim nothing and are left out."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in sweeps.rows(merged):
        if row.record["complete"]:
            groups[_same(row)].append(row)
    named_as = titles(merged)
    made = []
    for rows in groups.values():
        subject = rows[0].record["subject"]
        adapter = release.taken_apart(subject["adapter"], "")[0]
        told = merged.implementations.get((subject["adapter"], subject["implementation"]), {})
        modes = tuple(sorted({row.record["subject"]["mode"] for row in rows}))
        cells = {(row.found["quantity"], row.found["label"]): row for row in reversed(rows)}
        title = named_as.get(adapter, named_as.get(subject["adapter"], adapter).removesuffix(f" {subject['version']}"))
        made.append(Swept(subject, title, told.get("role", "function"), modes, cells, 0))
    made.sort(key=lambda each: (each.role != "function", each.title.lower(), *_place(each)))
    return [replace(each, number=number) for number, each in enumerate(made, 1)]


def _same(row: Row) -> tuple[Any, ...]:
    """What modes have in common that returned the same bits: a searched one has none to compare."""
    subject, bits = row.record["subject"], row.record.get("hash")
    own = tuple(sorted(bits.items())) if bits else (subject["mode"],)
    return (*(subject[key] for key in ("adapter", "version", "implementation", "device", "dtype")), *own)


def _place(each: Swept) -> tuple[str, ...]:
    return (*(each.subject[key] for key in ("version", "implementation", "device")), *each.modes)


def worst(row: Row) -> str:
    """The largest error in a cell: a word where there is no distance at a finite logit, and 'lost' beside a number."""
    infinite = pattern_of(math.inf, row.dtype)
    sign = 1 << (row.dtype.bits - 1)
    kinds, far = set(), float(row.found["worst"]["ulp"]) if "worst" in row.found else 0.0
    for region in row.found["regions"]:
        nearest = min(int(region[end], 16) & (sign - 1) for end in ("first", "last"))
        if nearest < infinite and region["class"] != "flushed":
            kinds.add(region["class"])
            far = max(far, float(region["worst"]["ulp"]))
    words = [word for kind, word in _WORDS.items() if kind in kinds]
    if words:
        return ", ".join(words)
    number = f"≥ {_rounded(far, _DOWN)}" if row.searched else _rounded(far, _UP)
    return f"{number}, lost" if "lost" in kinds else number


def _rounded(ulp: float, context: decimal.Context) -> str:
    number = context.create_decimal_from_float(ulp)
    return f"{number.normalize():f}" if ulp < 1e4 else f"{number:.2e}".replace("e+", "e")


def _quoted(name: str) -> str:
    return f"'{name}'" if set(name) & set(" ()=") else name

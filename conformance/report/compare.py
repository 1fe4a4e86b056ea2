"""Two runs against each other: what was fixed, what broke, what moved, and what the ledgers say otherwise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.records.record import Record
from conformance.report import measured
from conformance.report.change import KINDS, REGRESSIONS, Change
from conformance.report.states import DEVIATING, state
from conformance.spec.clauses import CLAUSES

Key = tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What is different, the gravest first, and what could not be compared."""

    old: Record
    new: Record
    changes: Sequence[Change]
    ledger: Sequence[tuple[str, str, str]]  # adapter, deviation, what happened
    versions: Sequence[tuple[str, str, str]]  # package, before, after
    compared: int
    notes: Sequence[str]

    @property
    def regressions(self) -> int:
        """How many checks are worse in kind."""
        return sum(each.count for each in self.changes if each.kind in REGRESSIONS)

    def of(self, kind: str) -> list[Change]:
        """The changes of one kind."""
        return [each for each in self.changes if each.kind == kind]


def compare(old: Sequence[Record], new: Sequence[Record], ulps: float = 1.0) -> Comparison:
    """Compare two runs check by check; errors that moved by at most ``ulps`` count as the same."""
    comparable, notes = _comparable(old, new)
    before, after = _checks(old, comparable), _checks(new, comparable)
    changes: dict[Key, Change] = {}
    shared = before.keys() & after.keys()
    for key in sorted(shared):
        for kind, was, now, moved in _kinds(before[key], after[key], ulps):
            _note(changes, kind, after[key], was, now, moved)
    subjects_before, subjects_after = {key[:5] for key in before}, {key[:5] for key in after}
    for key in sorted(after.keys() - before.keys()):
        if key[:5] in subjects_before:
            _note(changes, "appeared", after[key], "", _look(after[key]), 0)
    for key in sorted(before.keys() - after.keys()):
        if key[:5] in subjects_after:
            _note(changes, "vanished", before[key], _look(before[key]), "", 0)
    for names, told in ((subjects_after - subjects_before, "new"), (subjects_before - subjects_after, "old")):
        if names:
            listed = sorted(
                {f"{adapter} {implementation} ({mode}, {device})" for adapter, implementation, mode, device, _ in names}
            )
            shown = ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
            notes.append(f"Only the {told} run has {shown}.")
    timed = [*measured.slower(old, new), *measured.swept(old, new)]
    order = {kind: place for place, kind in enumerate(KINDS)}
    clauses = {clause: place for place, clause in enumerate(CLAUSES)}
    found = sorted(
        [*changes.values(), *timed],
        key=lambda each: (
            order[each.kind],
            each.adapter,
            each.implementation,
            clauses.get(each.clause, 999),
            each.what,
        ),
    )
    return Comparison(
        old[0], new[0], found, list(_ledger(old[0], new[0])), list(_versions(old[0], new[0])), len(shared), notes
    )


def _checks(run: Sequence[Record], comparable: Any) -> dict[Key, Record]:
    found = {}
    for each in run[1:]:
        if each["record"] == "check" and comparable(each["case"]):
            subject = each["subject"]
            names = ("adapter", "implementation", "mode", "device", "dtype")
            found[(*(subject[name] for name in names), each["clause"], each["case"])] = each
    return found


def _comparable(old: Sequence[Record], new: Sequence[Record]) -> tuple[Any, list[str]]:
    if old[0]["case_set"] == new[0]["case_set"]:
        return (lambda case: True), []  # noqa: ARG005
    hashes = [{each["case"]: each["hash"] for each in run if each["record"] == "case"} for run in (old, new)]
    same = {name for name, each in hashes[0].items() if hashes[1].get(name) == each}
    note = f"The runs judge different case sets: the {len(same)} cases that are the same in both were compared."
    return same.__contains__, [note]


def _kinds(old: Record, new: Record, ulps: float) -> Iterator[tuple[str, str, str, float]]:
    bad_before, bad_after = state(old) in DEVIATING, state(new) in DEVIATING
    was, now = _look(old), _look(new)
    if bad_after and not bad_before:
        yield "broken" if old["outcome"] == "conforms" else "appeared", was, now, 0
    elif bad_before and not bad_after:
        yield "fixed" if new["outcome"] == "conforms" else "vanished", was, now, 0
    elif bad_before and was != now:
        yield "changed", was, now, 0
    elif bad_before and state(old) == "known" and state(new) != "known":
        yield "surprising", f"{was}, known", f"{state(new)}: {new.get('note', '')}", 0
    elif old["outcome"] != new["outcome"]:
        yield "appeared" if new["outcome"] == "conforms" else "vanished", was, now, 0
    moved = _error(new) - _error(old)
    if was == now and abs(moved) > ulps:
        yield "worse" if moved > 0 else "better", "", "", abs(moved)


def _look(check: Record) -> str:
    return str(check["signature"] or check["outcome"])


def _error(check: Record) -> float:
    """The largest error, or NaN where none is recorded: it never counts as having moved."""
    value = check.get("measures", {}).get("max_result_ulp")
    return float(value) if isinstance(value, int | float) else math.nan


def _note(changes: dict[Key, Change], kind: str, check: Record, was: str, now: str, moved: float) -> None:
    subject = check["subject"]
    key = (kind, subject["adapter"], subject["implementation"], check["clause"], was, now)
    change = changes.setdefault(key, Change(kind, *key[1:4], check["level"], was, now))
    change.modes.add(subject["mode"])
    change.dtypes.add(subject["dtype"])
    change.devices.add(subject["device"])
    change.cases[check["case"]] += 1
    change.moved = max(change.moved, moved)


def _ledger(old: Record, new: Record) -> Iterator[tuple[str, str, str]]:
    shared = old.get("deviations", {}).keys() & new.get("deviations", {}).keys()
    for adapter in sorted(shared):
        before, after = old["deviations"][adapter], new["deviations"][adapter]
        for name in sorted(before.keys() | after.keys()):
            if name not in before:
                yield adapter, name, "added"
            elif name not in after:
                yield adapter, name, "taken out"
            elif before[name] != after[name]:
                parts = [key for key in after[name] if before[name].get(key) != after[name][key]]
                yield adapter, name, f"reworded: {', '.join(parts) or 'a part is gone'}"


def _versions(old: Record, new: Record) -> Iterator[tuple[str, str, str]]:
    shared = old["adapters"].keys() & new["adapters"].keys()
    before, after = _packages(old, shared), _packages(new, shared)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name, before.get(name, "absent"), after.get(name, "absent")


def _packages(run: Record, adapters: Iterable[str]) -> Mapping[str, str]:
    packages: Iterable[Mapping[str, str]] = (run["adapters"][name]["versions"] for name in adapters)
    return {name: version for each in packages for name, version in each.items()} | {
        "python": str(run["machine"].get("python", "")),
        "suite": str(run["suite"]),
        "machine": str(run["machine"].get("processor", "")),
    }


def markdown(comparison: Comparison) -> str:
    """For a pull request."""
    lines = [f"### Conformance: {headline(comparison)}", ""]
    if comparison.versions:
        lines += [", ".join(f"{name} {was} → {now}" for name, was, now in comparison.versions) + ".", ""]
    lines += [f"{note}\n" for note in comparison.notes]
    if comparison.changes:
        lines += [
            "| what | level | implementation | clause | where | change | checks | cases |",
            "|---|---|---|---|---|---|---|---|",
        ]
    for each in comparison.changes:
        mark = "**" if each.kind in REGRESSIONS else ""
        who = f"{each.adapter} {each.implementation}"
        told = (
            f"{mark}{each.kind}{mark}",
            each.level,
            who,
            each.clause,
            each.where,
            each.what,
            str(each.count),
            each.example,
        )
        lines.append("| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in told) + " |")
    if comparison.ledger:
        lines += [
            "",
            "Ledger: " + "; ".join(f"{adapter} `{name}` {told}" for adapter, name, told in comparison.ledger) + ".",
        ]
    return "\n".join(lines) + "\n"


def headline(comparison: Comparison) -> str:
    """The comparison in a line."""
    counts = Counter[str]()
    for each in comparison.changes:
        counts[each.kind] += each.count
    told = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind])
    return f"{told or 'nothing changed'} of {comparison.compared:,} checks compared"

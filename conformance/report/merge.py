"""Merging runs of different environments, machines and days: only what is comparable, and what was not is said."""

from __future__ import annotations

import dataclasses
import datetime
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.errors import UsageError
from conformance.records import record
from conformance.records.record import Record
from conformance.storage import files, limits
from conformance.subjects.subject import Subject

Key = tuple[str, ...]
# A subject's fields in the order of the contract, whatever their order in the file.
named: Callable[[dict[str, str]], Key] = operator.itemgetter(*(each.name for each in dataclasses.fields(Subject)))

# Records that are no checks, and what tells two of them apart: of two that it does not, the later counts.
_OTHERS: dict[str, Callable[[Record], Key]] = {
    "speed": lambda each: (*named(each["subject"]), "speed", str(each.get("workload"))),
    "sweep": lambda each: (*named(each["subject"]), "sweep", str(each.get("options"))),
    "port": lambda each: (*named(each["subject"]), "port", each["shape"], *each["features"]),
    "source": lambda each: ("source", each["adapter"], each["implementation"], each["place"]),
    "trial": lambda each: ("trial", each["name"], each["adapter"], each["implementation"]),
}


@dataclass(frozen=True)
class Merged:
    """The runs, and one check for each subject, clause and case: the latest."""

    runs: Sequence[Record]
    checks: Sequence[Record]
    replaced: int = 0
    notes: Sequence[str] = ()
    cases: dict[str, Record] = field(default_factory=dict)
    implementations: dict[tuple[str, str], Record] = field(default_factory=dict)
    grids: dict[str, Record] = field(default_factory=dict)
    curves: Sequence[Record] = ()
    others: Sequence[Record] = ()  # times, sweeps, ports and trials, the latest of each
    latest: dict[str, str] = field(default_factory=dict)  # adapter to the start of the run with its last result

    def missing(self) -> dict[str, str]:
        """Adapters that the newest run to name them could not load, and why."""
        found: dict[str, str] = {}
        for run in self.runs:
            for name in run["adapters"]:
                found.pop(name, None)
            found |= run["missing"]
        return found

    def age(self, adapter: str) -> int | None:
        """Days from the adapter's last result to the newest run; None if it has none."""
        if adapter not in self.latest:
            return None
        newest = max(str(run["started"]) for run in self.runs)
        return max(0, (_day(newest) - _day(self.latest[adapter])).days)

    def records(self) -> Iterable[Record]:
        """Everything as one results file: the runs' facts in one first line."""
        yield _head(self.runs)
        yield from self.implementations.values()
        yield from self.cases.values()
        yield from self.grids.values()
        yield from self.curves
        yield from self.others
        yield from self.checks


def merge(runs: Iterable[Sequence[Record]]) -> Merged:
    """Merge runs; a later run's check replaces an earlier one's.

    The newest run's cases count. A check of a run with another case set is taken where its case's own hash is the same,
    and set aside otherwise; ``notes`` says how many, and why.
    """
    ordered = sorted((list(run) for run in runs), key=lambda run: str(run[0]["started"]))
    if not ordered:
        raise UsageError("no runs; name at least one results.jsonl")
    judging = [run for run in ordered if any(each["record"] in ("case", "check") for each in run)]
    reference = (judging or ordered)[-1]  # times, sweeps and ports are of no case
    cases = _cases(ordered, str(reference[0]["case_set"]))
    notes: list[str] = []
    checks: dict[Key, Record] = {}
    curves: dict[Key, Record] = {}
    latest: dict[str, str] = {}
    others: dict[Key, Record] = {}
    again: Counter[str] = Counter()
    total = changed = 0
    for run in ordered:
        started = str(run[0]["started"])
        comparable = _comparable(run, reference, cases, notes)
        for each in run[1:]:
            kind = each["record"]
            if kind == "check" and comparable(each["case"]):
                subject = each["subject"]
                key = (*named(subject), each["clause"], each["case"])
                before = checks.get(key)
                if before is not None:
                    again[subject["adapter"]] += 1
                    changed += (before["outcome"], before["signature"]) != (each["outcome"], each["signature"])
                checks[key] = each
                latest[subject["adapter"]] = started
                total += 1
            elif kind == "curve":
                curves[(*named(each["subject"]), each["quantity"])] = each
            elif kind in _OTHERS:
                others[_OTHERS[kind](each)] = each
    if again:
        names = ", ".join(sorted(again))
        notes.append(f"{sum(again.values()):,} checks of {names} were made more than once; the latest counts.")
    if changed:
        notes.append(f"{changed:,} of them came out otherwise than before: compare the runs with each other.")
    grids = {each["dtype"]: each for run in ordered for each in run if each["record"] == "grid"}
    known = {
        (each["adapter"], each["implementation"]): each
        for run in ordered
        for each in run
        if each["record"] == "implementation"
    }
    _require_few([named(each["subject"]) for each in (*checks.values(), *curves.values())])
    _note_suites(ordered, notes)
    return Merged(
        [run[0] for run in ordered],
        list(checks.values()),
        total - len(checks),
        notes,
        cases,
        known,
        grids,
        _of_grids(curves.values(), ordered, grids, notes),
        list(others.values()),
        latest,
    )


def _require_few(subjects: Sequence[Key]) -> None:
    for what, most, found in (
        ("subjects", limits.MOST_SUBJECTS, set(subjects)),
        ("dtypes", limits.MOST_DTYPES, {subject[-1] for subject in subjects}),
    ):
        if len(found) > most:
            raise UsageError(f"{len(found):,} {what} in these runs, at most {most:,} make a page; name fewer runs")


def write_records(merged: Merged, path: Path) -> None:
    """The merged records as one results file."""
    files.write(path, "".join(record.line(each) + "\n" for each in merged.records()))


def _cases(ordered: Sequence[Sequence[Record]], case_set: str) -> dict[str, Record]:
    """The newest run's case set; of a run that tells nothing of its cases, what a run of the same set tells."""
    found: dict[str, Record] = {}
    for run in ordered:
        if run[0]["case_set"] == case_set:
            found |= {each["case"]: each for each in run if each["record"] == "case"}
    return dict(sorted(found.items()))


def _comparable(
    run: Sequence[Record], reference: Sequence[Record], cases: dict[str, Record], notes: list[str]
) -> Callable[[str], bool]:
    """Which of the run's cases mean the same as the reference's; says in ``notes`` what was set aside."""
    if run[0]["case_set"] == reference[0]["case_set"]:
        return lambda _: True
    own = {each["case"]: each["hash"] for each in run if each["record"] == "case"}
    same = {name for name, each in cases.items() if own.get(name) == each["hash"]}
    aside = sum(each["record"] == "check" and each["case"] not in same for each in run)
    if not any(each["record"] == "check" for each in run):
        return same.__contains__  # times and sweeps are of no case
    notes.append(
        f"The run of {run[0]['started']} judged another case set ({run[0]['case_set'][:12]}, the newest run "
        f"{reference[0]['case_set'][:12]}): {len(same)} cases are the same and were merged, "
        f"{aside:,} checks of other cases were set aside."
    )
    return same.__contains__


def _of_grids(
    curves: Iterable[Record], ordered: Sequence[Sequence[Record]], grids: dict[str, Record], notes: list[str]
) -> list[Record]:
    """The curves measured on the grids that count; those of a run with other grids are set aside."""
    own: dict[int, dict[str, Record]] = {}
    for run in ordered:
        of_run = {each["dtype"]: each for each in run if each["record"] == "grid"}
        own |= {id(each): of_run for each in run if each["record"] == "curve"}
    kept = []
    aside = 0
    for each in curves:
        dtype = each["subject"]["dtype"]
        if own[id(each)].get(dtype, {}).get("logits") == grids.get(dtype, {}).get("logits", ""):
            kept.append(each)
        else:
            aside += 1
    if aside:
        notes.append(f"{aside} error curves were measured on another grid of logits, and were set aside.")
    return kept


def _note_suites(ordered: Sequence[Sequence[Record]], notes: list[str]) -> None:
    suites = sorted({str(run[0]["suite"]) for run in ordered})
    if len(suites) > 1:
        notes.append(f"The runs are of different versions of the suite ({', '.join(suites)}); clauses may differ.")


def _head(runs: Sequence[Record]) -> Record:
    head = dict(runs[-1])
    for key in ("adapters", "missing", "deviations"):
        head[key] = {name: value for run in runs for name, value in run.get(key, {}).items()}
    head["missing"] = {name: why for name, why in head["missing"].items() if name not in head["adapters"]}
    return head


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text[:10])
    except ValueError:
        return datetime.date.min

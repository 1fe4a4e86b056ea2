"""Many runs over time: how each implementation's deviations went from version to version."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conformance.errors import UsageError
from conformance.records.record import Record
from conformance.report import release
from conformance.report.lifetimes import Lifetime, lifetimes
from conformance.report.pack import packed
from conformance.report.states import DEVIATING, LEVELS, state
from conformance.storage import limits

Point = dict[str, Any]


@dataclass
class Line:
    """One implementation in one mode on one device: its clauses that deviate, by version."""

    adapter: str
    implementation: str
    mode: str
    device: str
    points: dict[str, Point] = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """The releases of each framework in order, the life of each deviation, and a line an implementation and mode."""

    versions: dict[str, list[str]]
    started: dict[tuple[str, str], str]
    lines: Sequence[Line]
    lives: dict[str, list[Lifetime]]
    beside: dict[tuple[str, str], str]  # what else was there, where it is not the same in all releases

    def of(self, adapter: str) -> list[Line]:
        """The lines of one adapter."""
        return [line for line in self.lines if line.adapter == adapter]

    def changing(self, adapter: str) -> list[Lifetime]:
        """The deviations that came or went between its releases."""
        return [each for each in self.lives.get(adapter, ()) if each.changes(self.versions[adapter])]

    def steady(self, adapter: str) -> list[Lifetime]:
        """Those that each of its releases has in which they were looked for."""
        return [each for each in self.lives.get(adapter, ()) if not each.changes(self.versions[adapter])]


def history(runs: Iterable[Sequence[Record]]) -> History:
    """What the runs say, a version at a time; of two runs of one version the later counts."""
    lines: dict[tuple[str, ...], Line] = {}
    started: dict[tuple[str, str], str] = {}
    ordered_runs = sorted(runs, key=lambda each: str(each[0]["started"]))
    for run in ordered_runs:
        for key, version, point in _points(run):
            adapter, implementation, mode, device = key
            lines.setdefault(key, Line(adapter, implementation, mode, device)).points[version] = point
            started[key[0], version] = str(run[0]["started"])
    versions: dict[str, set[str]] = defaultdict(set)
    for adapter, version in started:
        versions[adapter].add(version)
    ordered = {name: sorted(found, key=release.order) for name, found in sorted(versions.items())}
    ordered_lines = sorted(lines.values(), key=lambda line: line.adapter)
    lives = lifetimes(ordered_runs)
    longest, count = max(map(len, ordered.values()), default=0), sum(map(len, lives.values()))
    if len(lines) > limits.MOST_SUBJECTS or (len(lines) + count) * longest > limits.MOST_CELLS:
        raise UsageError(f"{len(lines):,} implementations in {len(started):,} versions; name fewer runs for one page")
    return History(ordered, started, ordered_lines, lives, _beside(ordered_runs))


def _beside(runs: Iterable[Sequence[Record]]) -> dict[tuple[str, str], str]:
    packages: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for run in runs:
        for label, said in run[0].get("adapters", {}).items():
            first, *others = said["versions"].items() or [("", "")]
            name, key = release.taken_apart(label, first[1])
            packages[name][key] = {package: version for package, version in others if version not in ("", first[1])}
    told = {}
    for name, releases in packages.items():
        for key, versions in releases.items():
            differing = [
                f"{package} {version}"
                for package, version in versions.items()
                if any(other.get(package) != version for other in releases.values())
                and f"{package} {version}" not in key
            ]
            told[name, key] = ", ".join(differing)
    return told


def data(found: History) -> str:
    """The history for the page's charts, packed."""
    rows = [
        {
            "adapter": line.adapter,
            "name": f"{line.implementation} {line.mode}" + ("" if line.device == "cpu" else f" {line.device}"),
            "version": version,
            "level": level,
            "clauses": len(point["clauses"][level]),
        }
        for line in found.lines
        for version, point in line.points.items()
        for level in LEVELS
    ]
    return packed({"rows": rows, "versions": found.versions}, {"none": np.zeros(0, np.uint8)})


def _points(run: Sequence[Record]) -> Iterable[tuple[tuple[str, ...], str, Point]]:
    clauses: dict[tuple[tuple[str, ...], str], dict[str, set[str]]] = {}
    counts: dict[tuple[tuple[str, ...], str], Counter[str]] = defaultdict(Counter)
    for check in run[1:]:
        if check["record"] != "check":
            continue
        subject = check["subject"]
        adapter, version = release.of(check)
        key = (adapter, *(subject[name] for name in ("implementation", "mode", "device")))
        of = clauses.setdefault((key, version), {level: set() for level in LEVELS})
        counts[key, version][state(check)] += 1
        if state(check) in DEVIATING:
            of.setdefault(check["level"], set()).add(check["clause"])
    for (key, version), of in clauses.items():
        yield key, version, {"clauses": of, "counts": counts[key, version]}

"""The maintainer's door: what of one framework's public functions has to be mended, worst first, as a user sees it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.records.record import BREAKS, Record
from conformance.report import release, where
from conformance.report.causes import Cause
from conformance.report.draft import told
from conformance.report.merge import Merged, named
from conformance.report.standing import Standing
from conformance.report.states import SEVERITIES
from conformance.report.titles import short, titles

_ISSUE = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/(issues|pull)/(\d+)$")
_MODES = {"eager": 0, "autocast": 1, "compiled": 2, "graph": 3, "session": 4, "xla": 5, "func": 6}
Beside = Mapping[tuple[str, str, str], Mapping[tuple[str, str], str]]


@dataclass(frozen=True)
class Finding:
    """A cause as its maintainer reads it."""

    cause: Cause
    modes: Sequence[str]
    dtypes: str
    since: str
    told: tuple[str, str]
    others: Mapping[str, Sequence[str]]  # what happens elsewhere, to who
    sources: Sequence[Record]

    @property
    def issues(self) -> str:
        """The number of its own issue; '' if there is none."""
        found = _ISSUE.match(self.cause["link"])
        return f"#{found[3]}" if found else ""


@dataclass(frozen=True)
class Door:
    """One framework: its findings to mend, those that its documentation tells of, and what of it was run."""

    adapter: str
    title: str
    versions: Sequence[str]
    findings: Sequence[Finding]
    documented: Sequence[Finding]

    @property
    def by_severity(self) -> dict[str, list[Finding]]:
        """What is to mend by severity, worst first; a severity that nothing has is not there."""
        groups: dict[str, list[Finding]] = {}
        for each in self.findings:
            groups.setdefault(SEVERITIES.get(each.cause["severity"], "not rated"), []).append(each)
        return groups


def doors(merged: Merged, who: Standing, found: Sequence[Cause]) -> list[Door]:
    """A door for each framework of which a public function was judged."""
    versions: dict[str, set[str]] = defaultdict(set)
    for adapter, name, version in {named(each["subject"])[:3] for each in merged.checks}:
        if who.roles.get((adapter, name), "function") == "function":
            versions[adapter].add(version)
    ordered = {name: sorted(each, key=release.order) for name, each in versions.items()}
    own = [each for each in found if each["role"] == "function" and each["adapter"] in ordered]
    beside = _beside(merged, who, own)
    sources = [each for each in merged.others if each["record"] == "source"]
    named_as = titles(merged)
    made = []
    for adapter in sorted(ordered):
        findings = [
            _finding(each, ordered[adapter], beside, sources, named_as) for each in own if each["adapter"] == adapter
        ]
        mend = [each for each in findings if not each.cause["rows"][0]["documented"]]
        rest = [each for each in findings if each.cause["rows"][0]["documented"]]
        made.append(Door(adapter, named_as.get(adapter, adapter), ordered[adapter], mend, rest))
    return made


def alone(cause: Cause) -> Finding:
    """A cause without a framework's door: of a composition or a control."""
    return _finding(cause, (), {}, (), {})


def _finding(
    cause: Cause, versions: Sequence[str], beside: Beside, sources: Sequence[Record], named_as: Mapping[str, str]
) -> Finding:
    example = cause["example"]
    place = (example["clause"], example["case"], example["subject"]["dtype"])
    others: dict[str, list[str]] = defaultdict(list)
    for (adapter, name), what in sorted(beside.get(place, {}).items()):
        if adapter != cause["adapter"]:
            others[what].append(f"{short(named_as.get(adapter, adapter))} {name}")
    modes = sorted(cause["modes"], key=lambda mode: (_MODES.get(mode, 9), mode))
    dtypes, since = where.dtypes(cause["dtypes"]), _since(cause, versions)
    return Finding(cause, modes, dtypes, since, told(cause), dict(others), _sources(cause, sources))


def _sources(cause: Cause, sources: Sequence[Record]) -> list[Record]:
    """Where it is: what was found of this deviation, or else of its functions in the modes that it shows in."""
    own = [each for each in sources if each["adapter"] == cause["adapter"]]
    found = [each for each in own if cause["id"] in each["deviations"]]
    for each in own:
        runs = not each["modes"] or set(each["modes"]) & set(cause["modes"])
        if each["implementation"] in cause["implementations"] and runs and (not found or not each["modes"]):
            found.append(each)
    return list({each["place"]: each for each in found}.values())


def _since(cause: Cause, versions: Sequence[str]) -> str:
    """From which version on, as far as these runs know."""
    seen = [each for each in versions if each in cause["versions"]]
    if len(versions) < 2:
        return f"seen in {seen[0]}; older versions were not run" if seen else ""
    first = versions.index(seen[0]) if seen else 0
    if first == 0:
        return f"seen from {seen[0]} on, the oldest that was run"
    return f"since {seen[0]}; {versions[first - 1]} does not have it"


def _beside(merged: Merged, who: Standing, found: Sequence[Cause]) -> Beside:
    """What every public function did where a cause's example is: in the first mode that it has."""
    wanted = {
        (each["example"]["clause"], each["example"]["case"], each["example"]["subject"]["dtype"]) for each in found
    }
    first: dict[tuple[str, str, str], dict[tuple[str, str], tuple[int, str]]] = defaultdict(dict)
    for check in merged.checks:
        subject = check["subject"]
        place = (check["clause"], check["case"], subject["dtype"])
        if place not in wanted or not who.counts(check):
            continue
        name, rank = (subject["adapter"], subject["implementation"]), _MODES.get(subject["mode"], 9)
        if rank < first[place].get(name, (10, ""))[0]:
            first[place][name] = rank, _outcome(check)
    return {place: {name: what for name, (_, what) in each.items()} for place, each in first.items()}


def _outcome(check: Record) -> str:
    if check["outcome"] in BREAKS:
        return (
            "documented otherwise" if check.get("documented") else f"wrong too ({check['signature'].replace('-', ' ')})"
        )
    words = {"conforms": "right", "unsupported": "not offered"}
    return words.get(check["outcome"], str(check["outcome"]))

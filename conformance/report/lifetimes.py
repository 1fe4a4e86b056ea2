"""The life of each known deviation over the releases that were judged: where it shows, where it does not."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from conformance.records.record import BREAKS, Record
from conformance.report import release
from conformance.report.states import DEVIATING, LEVELS, SEVERITIES, state

_UNLISTED = "not in the ledger"
_GONE = ("conforms", "unsupported")
Place = tuple[str, ...]  # implementation, mode, device, dtype, clause, case


@dataclass
class Lifetime:
    """One deviation: in each release how many checks show it, and how many that show it in some were made."""

    adapter: str
    id: str
    title: str = ""
    severity: str = ""
    level: str = "may"
    shows: dict[str, int] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    implementations: Sequence[str] = ()

    def state(self, version: str) -> str:
        """'shows', 'absent', or 'no data' where none of its checks was heard."""
        if self.shows.get(version):
            return "shows"
        return "absent" if self.heard.get(version) else "no data"

    @property
    def of_functions(self) -> bool:
        """False for what is said of compositions and controls only."""
        return not self.id.startswith(("composition-", "control-"))

    def told(self, versions: Sequence[str]) -> str:
        """When it came and when it went, over these releases in their order."""
        known = [(each, self.state(each)) for each in versions if self.state(each) != "no data"]
        turns = []
        for (before, was), (after, now) in itertools.pairwise(known):
            if was != now:
                turns.append(f"{'gone' if now == 'absent' else 'came'} in {after}, after {before}")
        return "; ".join(turns) or "in all that were judged"

    def changes(self, versions: Sequence[str]) -> bool:
        """True if some release has it and another one does not."""
        return {"shows", "absent"} <= {self.state(each) for each in versions}


def lifetimes(runs: Iterable[Sequence[Record]]) -> dict[str, list[Lifetime]]:
    """Of each framework, what changes first, the worst first."""
    found: dict[tuple[str, str], Lifetime] = {}
    places: dict[tuple[str, str], dict[Place, set[str]]] = defaultdict(lambda: defaultdict(set))
    heard: dict[str, dict[Place, set[str]]] = defaultdict(lambda: defaultdict(set))
    for run in runs:
        for check in run[1:]:
            if check["record"] == "check":
                _take(check, run[0], found, places, heard)
    by_adapter: dict[str, list[Lifetime]] = defaultdict(list)
    for key, each in found.items():
        _count(each, places[key], heard[each.adapter])
        by_adapter[each.adapter].append(each)
    order = list(SEVERITIES)
    for lines in by_adapter.values():
        lines.sort(key=lambda each: (order.index(each.severity) if each.severity in order else len(order), each.id))
    return dict(sorted(by_adapter.items()))


def _take(
    check: Record,
    run: Record,
    found: dict[tuple[str, str], Lifetime],
    places: dict[tuple[str, str], dict[Place, set[str]]],
    heard: dict[str, dict[Place, set[str]]],
) -> None:
    adapter, version = release.of(check)
    subject = check["subject"]
    place = (*(subject[key] for key in ("implementation", "mode", "device", "dtype")), check["clause"], check["case"])
    shows = check["outcome"] in BREAKS
    if shows or check["outcome"] in _GONE:
        heard[adapter][place].add(version)
    if not shows or state(check) not in DEVIATING:
        return
    listed = check.get("deviation", "") if check["expected"] else ""
    name = listed or _UNLISTED
    each = found.setdefault((adapter, name), Lifetime(adapter, name))
    said = run.get("deviations", {}).get(subject["adapter"], {}).get(listed, {})
    each.title = said.get("title", each.title) or said.get("reason", "")
    each.severity = said.get("severity", each.severity)
    each.level = min(each.level, check["level"], key=list(LEVELS).index)
    places[adapter, name][place].add(version)


def _count(each: Lifetime, places: Mapping[Place, set[str]], heard: Mapping[Place, set[str]]) -> None:
    """Of a later run of one release the checks count once."""
    shows: dict[str, int] = defaultdict(int)
    asked: dict[str, int] = defaultdict(int)
    for place, versions in places.items():
        for version in versions:
            shows[version] += 1
        for version in heard[place]:
            asked[version] += 1
    each.shows, each.heard = dict(shows), dict(asked)
    each.implementations = sorted({place[0] for place in places})

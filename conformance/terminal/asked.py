"""What was asked for and was not judged: a pass says that something was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from conformance.records.record import Record

Name = tuple[str, str]  # adapter, implementation
_JUDGED = ("conforms", "deviates", "errored")


@dataclass
class Heard:
    """The outcomes of each implementation, and the first reason why something was not judged."""

    outcomes: dict[Name, Counter[str]] = field(default_factory=dict)
    reasons: dict[Name, str] = field(default_factory=dict)

    def add(self, check: Record) -> None:
        """Take in one check; what was measured, a time or a curve, counts as one."""
        name = (check["subject"]["adapter"], check["subject"]["implementation"])
        outcome = str(check.get("outcome", "conforms"))
        self.outcomes.setdefault(name, Counter())[outcome] += 1
        if outcome not in _JUDGED:
            self.reasons.setdefault(name, str(check.get("detail", "")))

    @property
    def judged(self) -> int:
        """How many checks came to a judgement: they conform, deviate or end with an error."""
        return sum(map(_judged, self.outcomes.values()))

    def shortfalls(
        self, adapters: Sequence[str], implementations: Sequence[str], missing: Mapping[str, str]
    ) -> Iterator[str]:
        """A line for each adapter and implementation that was asked for by name and not judged, and for nothing at all.

        ``adapters`` and ``implementations`` are the names that the command line gave, ``missing`` the adapters that are
        not here, with the reason.
        """
        for adapter in adapters:
            if adapter in missing:
                yield f"adapter '{adapter}' was asked for and is not here: {missing[adapter]}"
        for name in implementations:
            places = [each for each in self.outcomes if each[1] == name]
            if places and not any(_judged(self.outcomes[each]) for each in places):
                told = next(
                    (self.reasons[each] for each in places if self.reasons.get(each)), "no check came to an end"
                )
                yield f"implementation '{name}' was asked for, and nothing of it was judged: {told}"
        if not self.judged:
            yield "nothing was judged"

    @property
    def unheard(self) -> dict[Name, str]:
        """The implementations of which nothing was judged, and why."""
        return {name: self.reasons.get(name, "") for name, counts in self.outcomes.items() if not _judged(counts)}


def _judged(counts: Counter[str]) -> int:
    return sum(counts[outcome] for outcome in _JUDGED)

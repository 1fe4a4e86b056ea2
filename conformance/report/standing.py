"""Who is judged: a framework's public functions; what users or this suite compose stands apart, and nothing twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from conformance.records.record import Record
from conformance.report.merge import Merged

Name = tuple[str, str]  # adapter, implementation
BETWEEN_TWINS = "L8"  # the clause that compares the two: it is about the class alone
_LOOKS = ("outcome", "signature", "measures", "worst")


@dataclass(frozen=True)
class Standing:
    """The role of each implementation, and which of them only call another one."""

    roles: dict[Name, str] = field(default_factory=dict)
    twins: dict[Name, Name] = field(default_factory=dict)  # classes to the functions that they call
    differing: dict[Name, int] = field(default_factory=dict)  # of those, checks that came out otherwise
    judged: dict[Name, tuple[bool, bool]] = field(default_factory=dict, compare=False)  # looked up once a name

    def role(self, check: Record) -> str:
        """'function', 'composition' or 'control'; what a record does not say is a function."""
        return self.roles.get(_name(check), "function")

    def twin(self, name: Name) -> str:
        """The function that stands for this implementation in every total; '' if it stands for itself."""
        return self.twins[name][1] if name in self.twins and not self.differing[name] else ""

    def counts(self, check: Record) -> bool:
        """True if the check is one of a public function that no other stands for."""
        name = _name(check)
        if name not in self.judged:
            self.judged[name] = (self.role(check) == "function", bool(self.twin(name)))
        function, stands = self.judged[name]
        return function and (not stands or check["clause"] == BETWEEN_TWINS)

    def counted(self, checks: Iterable[Record]) -> Iterator[Record]:
        """The checks that a verdict on a framework speaks of."""
        return filter(self.counts, checks)


def standing(merged: Merged) -> Standing:
    """The standing of everything in merged runs."""
    roles = {name: str(each.get("role", "function")) for name, each in merged.implementations.items()}
    claims = {name: (name[0], each["same_as"]) for name, each in merged.implementations.items() if each.get("same_as")}
    # Nobody is left to count where two name each other, or where the function is not here.
    twins = {name: twin for name, twin in claims.items() if twin in merged.implementations and twin not in claims}
    looks: dict[Name, dict[tuple[str, ...], tuple[object, ...]]] = defaultdict(dict)
    concerned = {*twins, *twins.values()}
    for check in merged.checks:
        if (name := _name(check)) in concerned and check["clause"] != BETWEEN_TWINS:
            subject = check["subject"]
            place = (*(subject[key] for key in ("version", "mode", "device", "dtype")), check["clause"], check["case"])
            looks[name][place] = tuple(check.get(key) for key in _LOOKS)
    differing = {
        name: sum(looks[twin].get(place) != look for place, look in looks[name].items()) for name, twin in twins.items()
    }
    return Standing(roles, twins, differing)


def _name(check: Record) -> Name:
    return check["subject"]["adapter"], check["subject"]["implementation"]

"""What is wrong, in words: the unexpected checks of a run by their cause, the worst first."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import shorten

from conformance.records.record import Record
from conformance.report import where
from conformance.report.magnitude import short, worst
from conformance.spec.clauses import CLAUSES, Level
from conformance.spec.outcome import SIGNATURES
from conformance.subjects.subject import Subject

_LEVELS = list(Level)
_RANKS = {signature: rank for rank, signature in enumerate(SIGNATURES)}
_ORDER = {clause: place for place, clause in enumerate(CLAUSES)}
# Nothing else can be said of what did not come out at all; one sentence, whatever was asked for.
_WHOLESALE = ("crashed", "timeout", "error", "wrong-shape", "wrong-device", "wrong-dtype")
_TOPICS = {
    "second derivative": ("G6", "G11", "C3"),
    "other derivative": ("G5", "G9", "G12"),
    "gradient": ("G1", "G2", "G3", "G4", "G7", "G8", "G10", "C2", "L3", "P3", "P5", "P6", "P7"),
    "reduction": ("R1", "R2", "R3", "R4", "R5", "R6", "R7"),
}
_TOPIC = {clause: topic for topic, clauses in _TOPICS.items() for clause in clauses}
# What is computed from which: where both are wrong in one way, that is one cause.
_COMES_OF = {"reduction": "loss", "second derivative": "gradient", "other derivative": "gradient"}
_MOST_CLAUSES = 5
_CONDITIONS = re.compile(r", (when .*?; anything else may be plain|in the plainest call)")
_UNLISTED = "not in the ledger"


@dataclass(frozen=True)
class Complaint:
    """One cause of one implementation: its checks, in whatever dtypes, modes and cases."""

    checks: Sequence[Record]

    @property
    def level(self) -> Level:
        """The gravest level among the clauses that it breaks."""
        return _LEVELS[min(map(_level, self.checks))]

    @property
    def leading(self) -> Record:
        """The check to begin with: of the gravest level and first clause, eager and in float32 if there is one."""
        return min(self.checks, key=_plainness)

    @property
    def head(self) -> str:
        """What is wrong, in a sentence, and the clauses that say so."""
        listed = defaultdict(set)
        for check in self.checks:
            listed[_level(check)].add(check["clause"])
        clauses = "; ".join(f"{_LEVELS[level]} {_some(names)}" for level, names in sorted(listed.items()))
        return f"{self._sentence()} ({clauses})"

    @property
    def clause(self) -> str:
        """The sentence of the clause that leads; of chapter C, the fewest conditions that show it."""
        name = self.leading["clause"]
        if conditions := self._conditions():
            return f"{name}: {conditions}"
        return f"{name}: {CLAUSES[name].sentence}" if name in CLAUSES else name

    @property
    def places(self) -> str:
        """Where it shows: dtypes, modes, and on how many checks of how many cases."""
        subjects = [check["subject"] for check in self.checks]
        dtypes = where.dtypes({each["dtype"] for each in subjects})
        modes = ", ".join(sorted({each["mode"] for each in subjects}))
        cases = {check["case"] for check in self.checks}
        alone = f"{count(len(cases), 'case')}" if len(cases) > 1 else next(iter(cases))
        return f"{dtypes} ({modes}): {count(len(self.checks), 'check')} of {alone}"

    @property
    def example(self) -> str:
        """The worst element; where no element says it, what the leading check found."""
        found = worst(check for check in self.checks if check.get("worst", {}).get("logit"))
        if found is None or self.leading["signature"] in _WHOLESALE:
            told = "" if self._tells_all() else shorten(str(self.leading.get("detail", "")), 160, placeholder=" ...")
            several = len({check["case"] for check in self.checks}) > 1
            return f"{self.leading['case']}: {told}" if told and several else told
        operand = "probability" if self.leading["clause"][:1] == "P" else "logit"
        apart = f", {short(found.ulp)} ULP" if found.exact and found.ulp < math.inf else ""
        several = len({check["subject"]["dtype"] for check in self.checks}) > 1
        element = f"{operand} {found.logit}, label {found.label}" + (f" ({found.dtype})" if several else "")
        return f"{element}: got {found.got:.9g}, exact {found.exact:.9g}{apart}"

    def _conditions(self) -> str:
        """What it takes, in the plainest of its checks; '' if it takes nothing, or no configuration was reduced."""
        details = [str(check.get("detail", "")) for check in self.checks if check["clause"] == self.leading["clause"]]
        found = {match[1] for detail in details if (match := _CONDITIONS.search(detail))}
        return min(found, key=lambda each: (each.count(" and "), len(each), each)) if found else ""

    def _tells_all(self) -> bool:
        return self._sentence().startswith(str(self.leading.get("detail", ""))[:40])

    def _sentence(self) -> str:
        check = self.leading
        note = str(check.get("note", ""))
        if note and note != _UNLISTED:
            return note
        if check["signature"] in ("error", "crashed", "timeout", "wrong-shape", "wrong-device") and check.get("detail"):
            return shorten(str(check["detail"]), 160, placeholder=" ...")
        return SIGNATURES.get(check["signature"]) or str(check["signature"] or check["outcome"])


def complaints(checks: Iterable[Record]) -> list[Complaint]:
    """The causes behind unexpected checks, the worst first: must before should, then by number."""
    groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for check in checks:
        groups[_cause(check)].append(check)
    for *how, topic in list(groups):
        origin = (*how, _COMES_OF.get(topic, ""))
        if topic in _COMES_OF and origin in groups:
            groups[origin] += groups.pop((*how, topic))
    return sorted(map(Complaint, groups.values()), key=_gravity)


def lines(each: Complaint) -> Iterator[str]:
    """A complaint in three lines: what, the clause, where with an example."""
    yield each.head
    yield each.clause
    yield "; ".join(filter(None, (each.places, each.example)))


def named(complaint: Complaint) -> tuple[str, str]:
    """Adapter and implementation."""
    subject = complaint.checks[0]["subject"]
    return subject["adapter"], subject["implementation"]


def subject_of(check: Record) -> Subject:
    """The subject of a check that was recorded."""
    return Subject(**check["subject"])


def _cause(check: Record) -> tuple[str, ...]:
    subject, signature, note = check["subject"], str(check["signature"]), str(check.get("note", ""))
    who = (subject["adapter"], subject["implementation"])
    if note and note != _UNLISTED:
        return (*who, "note", note)
    if signature in _WHOLESALE:
        told = str(check.get("detail", "")) if signature in ("error", "crashed") else ""
        return (*who, signature, _without_numbers(told))
    return (*who, signature, _topic(check))


def _topic(check: Record) -> str:
    clause, detail = check["clause"], str(check.get("detail", ""))
    return "gradient" if detail.startswith("the gradient") else _TOPIC.get(clause, "loss")


def _without_numbers(text: str) -> str:
    """The text that errors of one cause have in common: not the shapes and values that they tell."""
    return " ".join(re.sub(r"[\[(][^\[\]()]*[\])]|[-+]?\d[\w.+-]*", "#", text).split())[:100]


def _level(check: Record) -> int:
    return _LEVELS.index(Level(check["level"])) if check["level"] in _LEVELS else len(_LEVELS) - 1


def _plainness(check: Record) -> tuple[int, int, bool, bool]:
    subject = check["subject"]
    place = _ORDER.get(check["clause"], len(_ORDER))
    return _level(check), place, subject["dtype"] != "float32", subject["mode"] != "eager"


def _gravity(each: Complaint) -> tuple[int, bool, int, int]:
    signature = each.leading["signature"]
    rank = _RANKS.get(signature, len(_RANKS))
    return _LEVELS.index(each.level), signature not in _WHOLESALE, -len(each.checks), rank


def _some(clauses: Collection[str]) -> str:
    """The first clauses, and how many there are besides."""
    ordered = sorted(clauses, key=lambda name: _ORDER.get(name, len(_ORDER)))
    rest = len(ordered) - _MOST_CLAUSES
    return ", ".join(ordered[:_MOST_CLAUSES]) + (f" and {rest} more" if rest > 0 else "")


def count(number: int, what: str) -> str:
    """So many of what is called that, in the plural unless it is one."""
    return f"{number:,} {what}{'s' if number != 1 else ''}"

"""An adapter's known deviations, and what they make of an outcome.

A listed deviation pins what goes wrong: one that is fixed, or goes wrong in another way, is as unexpected as a new
one, unless it is listed as one that varies from processor to processor: then it may hold. The file's format is
conformance/schemas/ledger.json.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path
from typing import Any

from conformance.errors import ContentError
from conformance.records.versions import Versions
from conformance.spec.clauses import CLAUSES
from conformance.spec.outcome import SIGNATURES, Conforms, Crashed, Deviates, Errored, Outcome, Unsupported
from conformance.storage import intake
from conformance.storage.schema import validate
from conformance.subjects.subject import Subject
from conformance.subjects.target import canonical, is_target

FILE = "deviations.toml"
NO_REASON = "Nobody has looked into this yet"  # how the reason begins that no person wrote
_SCOPES = ("implementations", "modes", "devices", "dtypes", "clauses", "cases")


@dataclass(frozen=True)
class Scope:
    """Where a deviation shows, and its signature there. Each pattern list holds globs.

    One that ``varies`` shows on some processors only: what depends on the width of vectors may hold as well.
    """

    deviation: str
    signature: str
    versions: Versions
    patterns: Mapping[str, re.Pattern[str]]
    varies: bool = False

    def covers(self, subject: Subject, clause: str, case: str) -> bool:
        """True if the scope lists this check."""
        values = (canonical(subject.implementation), subject.mode, subject.device, subject.dtype, clause, case)
        if not all(self.patterns[key].match(value) for key, value in zip(_SCOPES, values, strict=True)):
            return False
        return self.versions.hold(subject.version)

    def concerns(self, subject: Subject) -> bool:
        """True if the scope lists some check of the subject."""
        values = (canonical(subject.implementation), subject.mode, subject.device, subject.dtype)
        if not all(self.patterns[key].match(value) for key, value in zip(_SCOPES, values, strict=False)):
            return False
        return self.versions.hold(subject.version)


@dataclass(frozen=True)
class Deviation:
    """A known deviation: what a user sees, why it happens, what it does to a training run, and where it is reported.

    ``documented`` is the framework's own sentence about it: then it is a difference between frameworks and nobody's
    fault. ``reproducer`` is by hand, where the checks' own scripts cannot show it: large inputs, or other elements.
    """

    id: str
    reason: str
    harm: str
    title: str = ""
    right: str = ""
    severity: str = ""
    rank: int = 0  # a person's order among all deviations of one severity; 0: none
    inherited: str = ""  # the adapter of the framework below, whose defect it is
    link: str = ""
    related: tuple[str, ...] = ()
    documented: Mapping[str, str] = field(default_factory=dict)  # sentence, url, checked
    reproducer: str = ""

    @property
    def placeholder(self) -> bool:
        """True while its reason is the one that `python -m conformance ledger` wrote."""
        return self.reason.startswith(NO_REASON)

    @property
    def of_functions(self) -> bool:
        """False for what is said of compositions and controls only: their entries are called so."""
        return not self.id.startswith(("composition-", "control-"))

    def texts(self) -> dict[str, str]:
        """What a record says of it, by name; what is empty is left out."""
        said = {name: value for name, value in vars(self).items() if isinstance(value, str) and name != "id"}
        said |= {"related": " ".join(self.related), "rank": str(self.rank or "")}
        said |= {"documented": self.documented.get("sentence", ""), "documented_url": self.documented.get("url", "")}
        return {name: text for name, text in said.items() if text}


@dataclass(frozen=True)
class Finding:
    """What the ledger says of an outcome. ``note`` is empty where it is expected."""

    expected: bool
    deviation: str = ""
    note: str = ""
    documented: bool = False  # the framework's own documentation says so


class Ledger:
    """All deviations of one adapter."""

    def __init__(self, deviations: Mapping[str, Deviation], scopes: tuple[Scope, ...]) -> None:
        self.deviations = deviations
        self.scopes = scopes

    def texts(self) -> dict[str, dict[str, str]]:
        """What is said of each deviation, by id."""
        return {name: each.texts() for name, each in self.deviations.items()}

    def holds(self, deviation: str, version: str) -> bool:
        """True if some entry lists the deviation for a version of the framework."""
        return any(each.deviation == deviation and each.versions.hold(version) for each in self.scopes)

    def beside(self, versions: Mapping[str, str]) -> Ledger:
        """What it lists where packages have these versions."""
        left = ((each, each.versions.beside(versions)) for each in self.scopes)
        return Ledger(self.deviations, tuple(dataclasses.replace(each, versions=of) for each, of in left if of))

    def judge(self, subject: Subject, clause: str, case: str, outcome: Outcome) -> Finding:
        """Is this outcome expected?"""
        listed = [scope for scope in self._near(subject.implementation, clause) if scope.covers(subject, clause, case)]
        if isinstance(outcome, Deviates | Errored | Crashed):
            for scope in listed:
                if scope.signature == outcome.signature:
                    known = self.deviations[scope.deviation]
                    return Finding(True, scope.deviation, documented=bool(known.documented))
            if listed:
                note = f"changed: the ledger lists '{listed[0].deviation}' as {listed[0].signature}"
                return Finding(False, listed[0].deviation, note)
            return Finding(False, "", "not in the ledger")
        fixed = [scope for scope in listed if not scope.varies]
        if fixed and isinstance(outcome, Conforms | Unsupported):
            note = f"fixed: the ledger lists '{fixed[0].deviation}' as {fixed[0].signature}; take it out"
            return Finding(False, fixed[0].deviation, note)
        return Finding(True)

    def signatures(self, subject: Subject, chapter: str) -> set[str]:
        """The signatures that it lists for the subject in some clause of a chapter, whatever the case."""
        clauses = [clause for clause in CLAUSES if clause.startswith(chapter)]
        return {
            scope.signature
            for scope in self.scopes
            if scope.concerns(subject) and any(scope.patterns["clauses"].match(clause) for clause in clauses)
        }

    @functools.cache  # noqa: B019 - a ledger lives as long as the process
    def _near(self, implementation: str, clause: str) -> tuple[Scope, ...]:
        name = canonical(implementation)
        near = (scope for scope in self.scopes if scope.patterns["implementations"].match(name))
        return tuple(scope for scope in near if scope.patterns["clauses"].match(clause))


EMPTY = Ledger({}, ())


def load(path: Path, *, required: bool = False) -> Ledger:
    """Read a ledger. A missing file is an empty ledger unless it is required; a bad one raises ContentError."""
    if not required and not path.exists():
        return EMPTY
    return loads(intake.text(path, "name an existing TOML file"), path)


def loads(text: str, path: Path) -> Ledger:
    """The ledger in a file's text, as ``load`` gives it."""
    raw = intake.toml(text, path)
    validate(raw, "ledger", path)
    deviations: dict[str, Deviation] = {}
    scopes: list[Scope] = []
    for entry in raw.get("deviation", ()):
        if entry["id"] in deviations:
            raise ContentError(path, f"deviation '{entry['id']}'", "it is listed twice", "merge the two")
        deviations[entry["id"]] = _deviation(entry)
        common = {"versions": entry["versions"]} if "versions" in entry else {}
        scopes += [_scope(path, entry["id"], common | where) for where in entry.get("where", ())]
    return Ledger(deviations, tuple(scopes))


def _deviation(entry: Mapping[str, Any]) -> Deviation:
    given = {
        key: entry[key]
        for key in ("title", "right", "severity", "rank", "inherited", "link", "documented")
        if key in entry
    }
    script = entry.get("reproducer", "").strip()
    related = tuple(entry.get("related", ()))
    return Deviation(entry["id"], entry["reason"], entry["harm"], related=related, reproducer=script, **given)


def _scope(path: Path, deviation: str, where: Mapping[str, Any]) -> Scope:
    if where["signature"] not in SIGNATURES:
        raise ContentError(
            path,
            f"deviation '{deviation}'",
            f"unknown signature '{where['signature']}'",
            f"known: {', '.join(SIGNATURES)}",
        )
    try:
        versions = Versions.read(where.get("versions", ""))
    except ValueError:  # also int()'s refusal of 5,000 digits
        told = f"bad versions '{where['versions']}'"
        right = 'write a specifier such as ">=2.3", or "optax<0.2.6" for those of a package beside it'
        raise ContentError(path, f"deviation '{deviation}'", told, right) from None
    patterns = {key: _any_of(tuple(where.get(key, ("*",)))) for key in _SCOPES[1:]}
    patterns["implementations"] = _implementations(tuple(where.get("implementations", ("*",))), path.parent)
    return Scope(deviation, where["signature"], versions, patterns, where.get("varies", False))


def _implementations(names: tuple[str, ...], folder: Path) -> re.Pattern[str]:
    """Names or globs. A file is the same however its path is written, from where the run is or where the ledger is."""
    globs = [canonical(name, base) for name in names for base in (None, folder)]
    # What stands in a path between brackets is no set of characters.
    return re.compile("|".join([*map(translate, globs), *(f"{re.escape(each)}$" for each in globs if is_target(each))]))


@functools.cache
def _any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs))

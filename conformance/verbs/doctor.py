"""The verb ``doctor``: which listed deviations installed versions have, worst first, without running anything."""

from __future__ import annotations

import argparse
import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from conformance.errors import ContentError, UsageError
from conformance.records import ledger
from conformance.records.ledger import Deviation, Ledger
from conformance.remote import loader, manifest
from conformance.report.states import SEVERITIES
from conformance.storage import content, intake

_GRAVE = ("silent-large", "run-dies")  # told at length
_WIDTH = 79
_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True)
class Patient:
    """A framework in some version: as it was found, which judged version stands for it, and what that one has."""

    adapter: str
    distribution: str
    asked: str  # '2.21.0', or a specifier
    judged: str  # '' if none was
    exact: bool  # it is the judged version itself
    deviations: Sequence[Deviation]

    def lines(self) -> Iterator[str]:
        """What is said of it."""
        count = len(self.deviations)
        said = f"{count} deviation{'s' * (count != 1)}" if count else "nothing is listed"
        if not self.judged:
            yield f"{self.distribution} {self.asked}: no version of it is published"
            return
        if self.exact:
            yield f"{self.distribution} {self.asked}: {said}"
        else:
            yield f"{self.distribution} {self.asked}: not judged; {self.judged} is, and there {said}"
        for each in self.deviations:
            yield from _paragraphs(each)


def command(options: argparse.Namespace) -> int:
    """Look, and say what is known. Raises UsageError for what cannot be read."""
    installed = _in_file(options.file) if options.file else _here()
    names = [loader.locate(each)[0] for each in options.adapter] or sorted(content.adapter_folders())
    found = [each for name in names for each in patients(name, installed)]
    absent = [name for name in options.adapter if name not in {each.adapter for each in found}]
    for name in absent:
        print(f"{name}: not in {options.file or 'this environment'}")
    for each in found:
        print("\n".join(each.lines()))
    if not found and not absent:
        raise UsageError(f"no framework that the suite knows is in {options.file or 'this environment'}")
    return 0


def patients(name: str, installed: Mapping[str, SpecifierSet]) -> Iterator[Patient]:
    """The framework of an adapter, if it is among what is installed: versions by distribution."""
    folder = content.adapter_folders()[name]
    known = manifest.read(folder)
    for text in known.framework:
        distribution = canonicalize_name(Requirement(text).name)
        if distribution in installed:
            listed = ledger.load(folder / ledger.FILE)
            beside = {package: _pin(found) for package, found in installed.items()}
            yield _patient(name, distribution, installed[distribution], known.published, listed.beside(beside))


def _patient(
    adapter: str, distribution: str, versions: SpecifierSet, published: Sequence[str], listed: Ledger
) -> Patient:
    judged = sorted(map(Version, published))
    within = [each for each in judged if versions.contains(each, prereleases=True)]
    pinned = _pin(versions)
    nearest = _nearest(within or judged, pinned)
    exact = bool(pinned and within)
    version = pinned.partition("+")[0] or nearest
    found = [each for each in listed.deviations.values() if each.of_functions and not each.documented]
    found = [each for each in found if listed.holds(each.id, version)]
    order = list(SEVERITIES)
    found.sort(key=lambda each: (order.index(each.severity) if each.severity else len(order), each.rank or 100))
    return Patient(adapter, distribution, pinned or str(versions) or "in any version", nearest, exact, found)


def _pin(versions: SpecifierSet) -> str:
    return next((each.version for each in versions if each.operator == "=="), "")


def _nearest(judged: Sequence[Version], pinned: str) -> str:
    """The newest judged version that is not newer than the pinned one; the oldest if all are."""
    try:
        before = [each for each in judged if not pinned or each <= Version(pinned)]
    except InvalidVersion:  # '==2.*'
        before = list(judged)
    return str([*judged[:1], *before][-1]) if judged else ""


def _paragraphs(each: Deviation) -> Iterator[str]:
    told = [(f"{SEVERITIES.get(each.severity, 'known')}: {each.title or each.reason}", "- ")]
    if each.severity in _GRAVE:
        told += [(f"harm: {each.harm}", "  "), (f"right beside it: {each.right}" if each.right else "", "  ")]
    for text, start in told:
        if text:
            yield from textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent="  ", break_long_words=False)


def _here() -> dict[str, SpecifierSet]:
    found = {}
    for each in metadata.distributions():
        if each.metadata["Name"] and each.version:
            found[str(canonicalize_name(each.metadata["Name"]))] = _pinned(each.version)
    return found


def _in_file(path: Path) -> dict[str, SpecifierSet]:
    """Versions in a requirements file or a lock. Raises ContentError."""
    text = intake.text(path, "name a requirements.txt, pylock.toml, uv.lock or poetry.lock")
    if path.suffix in (".toml", ".lock"):
        return _in_lock(path, text)
    found = {}
    for number, whole in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", whole).partition(" --")[0].strip().rstrip("\\").strip()
        if not line or line.startswith("-"):
            continue
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            told = f"'{line[:60]}' is no requirement"
            raise ContentError(path, f"line {number}", told, "write NAME==VERSION") from None
        found[str(canonicalize_name(requirement.name))] = requirement.specifier
    return found


def _in_lock(path: Path, text: str) -> dict[str, SpecifierSet]:
    try:
        data: Mapping[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContentError(path, "the file", f"it is not TOML: {error}", "name a lock or a requirements file") from None
    packages = data.get("package", data.get("packages", ()))
    if not isinstance(packages, list) or not all(isinstance(each, dict) for each in packages):
        raise ContentError(path, "packages", "they are no tables", "name a uv.lock, poetry.lock or pylock.toml")
    return {
        str(canonicalize_name(str(each.get("name", "")))): _pinned(str(each.get("version", ""))) for each in packages
    }


def _pinned(version: str) -> SpecifierSet:
    try:
        return SpecifierSet(f"=={Version(version).public}")
    except InvalidVersion:
        return SpecifierSet()


def add_parser(verbs: Any) -> None:
    """The grammar of the verb."""
    each = verbs.add_parser(
        "doctor",
        help="which known deviations your versions have",
        description="Look up the versions of frameworks, here or in a file, and say which listed deviations they have, "
        "worst first, with harm and what is right beside them. Nothing is run.",
    )
    each.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="requirements.txt, pylock.toml, uv.lock or poetry.lock"
    )
    each.add_argument("--adapter", action="append", default=[], metavar="NAME", help="only this framework (repeatable)")

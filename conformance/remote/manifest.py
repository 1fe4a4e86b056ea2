"""adapter.toml: what cannot be asked of a framework that is not installed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from conformance.errors import ContentError
from conformance.storage import content
from conformance.storage.schema import validate

FILE = "adapter.toml"
PROGRAM = Path(__file__).parents[1] / "worker" / "__main__.py"


@dataclass(frozen=True)
class Manifest:
    """Distributions, versions and the command of one adapter's framework. Texts are as pip takes them.

    ``upon`` is what the framework below needs, where the adapter brings a library that belongs to another's; ``beside``
    what is installed in the engine's own environment. ``title`` is the framework's name as people write it, ``states``
    what its documentation says of its accuracy, with address and day.
    """

    framework: tuple[str, ...] = ()
    versions: SpecifierSet = field(default_factory=SpecifierSet)
    needed: tuple[str, ...] = ()
    companions: tuple[tuple[SpecifierSet, tuple[str, ...]], ...] = ()
    command: tuple[str, ...] = ()
    upon: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()
    python: SpecifierSet = field(default_factory=SpecifierSet)  # interpreters that the framework is for
    published: tuple[str, ...] = ()  # the versions whose runs are published
    title: str = ""
    states: tuple[Mapping[str, Any], ...] = ()

    def requirements(self, asked: SpecifierSet) -> list[str]:
        """What an environment of the versions that were asked for needs."""
        wanted = str(self.versions & asked)
        more = [text for versions, texts in self.companions if _overlap(versions, asked) for text in texts]
        return [*(_with_versions(each, wanted) for each in self.framework), *self.needed, *more, *self.upon]

    def packages(self, asked: SpecifierSet) -> list[str]:
        """What npm is asked for: the packages in the versions that were asked for, as npm writes them."""
        wanted = str(self.versions & asked).replace("==", "").replace(",", " ")
        return [f"{each}@{wanted}" for each in self.npm]

    def told(self) -> dict[str, Any]:
        """What a run record says of the framework in words; what is empty is left out."""
        said = {"title": self.title, "states": [dict(each) for each in self.states]}
        return {name: value for name, value in said.items() if value}

    def started_by(self, folder: Path, python: str, environment: str = "") -> tuple[str, ...]:
        """The command of a worker; ``python`` is the interpreter of the framework."""
        own = (each.replace("{folder}", str(folder)).replace("{environment}", environment) for each in self.command)
        return tuple(own) or (python, str(PROGRAM))


def read(folder: Path) -> Manifest:
    """The manifest in an adapter's folder; one that asks for nothing if there is none. Raises ContentError."""
    path = folder / FILE
    if not path.is_file():
        return Manifest()
    try:
        data: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ContentError(
            path, "the file", f"it is not TOML: {error}", "write TOML, as in adapters/README.md"
        ) from None
    validate(data, "adapter", path)
    companions = data.get("companions", ())
    for text in (
        *data.get("framework", ()),
        *data.get("with", ()),
        *(each for one in companions for each in one["with"]),
    ):
        try:
            Requirement(text)
        except InvalidRequirement as error:
            raise ContentError(path, text, str(error).splitlines()[0], "write it as pip takes it") from None
    return Manifest(
        tuple(data.get("framework", ())),
        _specifier(path, data["versions"]),
        tuple(data.get("with", ())),
        tuple((_specifier(path, each["versions"]), tuple(each["with"])) for each in companions),
        tuple(data.get("command", ())),
        _below(path, data["upon"]) if "upon" in data else (),
        tuple(data.get("beside", ())),
        tuple(data.get("npm", ())),
        _specifier(path, data.get("python", "")),
        tuple(data.get("published", ())),
        data.get("title", ""),
        tuple(data.get("states", ())),
    )


def _below(path: Path, name: str) -> tuple[str, ...]:
    """What an environment of the framework needs upon which a library stands."""
    known = content.adapter_folders()
    if name not in known:
        raise ContentError(path, f"upon = {name!r}", "no such adapter", f"name one of {', '.join(known)}")
    return tuple(read(known[name]).requirements(SpecifierSet()))


def _specifier(path: Path, text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise ContentError(path, text, "it is no version specifier", "write one, as in '>=2.3'") from None


def _with_versions(text: str, versions: str) -> str:
    requirement = Requirement(text)
    requirement.specifier = SpecifierSet(versions)
    return str(requirement)


def _overlap(versions: SpecifierSet, asked: SpecifierSet) -> bool:
    """True if a version that is asked for by number is among them."""
    numbers = [each.version for each in asked if each.operator in ("==", "===", "~=")]
    return any(versions.contains(each.removesuffix(".*"), prereleases=True) for each in numbers)

"""In which versions a deviation holds: of the framework itself, or of a package beside it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

_NEWEST = "1000000"  # newer than any
_EVERY = SpecifierSet(prereleases=True)


@dataclass(frozen=True)
class Versions:
    """A specifier, as pip takes it; with a ``package`` those of what stands beside the framework."""

    specifier: SpecifierSet = field(default_factory=lambda: _EVERY)
    package: str = ""

    @classmethod
    def read(cls, text: str) -> Versions:
        """Those of '>=2.3', of the framework, or of 'optax<0.2.6'. Raises ValueError for anything else."""
        if not text[:1].isalpha():
            return cls(SpecifierSet(text, prereleases=True))
        try:
            asked = Requirement(text)
        except InvalidRequirement as error:
            raise ValueError(text) from error
        if asked.url or asked.extras or asked.marker or not asked.specifier:
            raise ValueError(text)
        return cls(SpecifierSet(str(asked.specifier), prereleases=True), str(canonicalize_name(asked.name)))

    def hold(self, version: str) -> bool:
        """True if the framework's version is among them. A package of which nothing is known counts as the newest."""
        return _within(_NEWEST if self.package else version, self.specifier)

    def beside(self, versions: Mapping[str, str]) -> Versions | None:
        """What is left of them where packages have these versions: all of the framework's, or none."""
        if not self.package:
            return self
        named = {str(canonicalize_name(name)): version for name, version in versions.items() if version}
        return Versions() if _within(named.get(self.package, _NEWEST), self.specifier) else None


@functools.cache
def _within(version: str, specifier: SpecifierSet) -> bool:
    try:
        return Version(version) in specifier
    except ValueError:  # InvalidVersion is one; so is int()'s refusal of 5,000 digits
        return not str(specifier)

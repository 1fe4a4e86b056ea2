"""What frameworks are called, and what their documentation says of their accuracy: from the first lines of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.version import Version

from conformance.report import release
from conformance.report.merge import Merged


def titles(merged: Merged) -> dict[str, str]:
    """The name of each adapter's framework as people write it; of one that records have no title for, the adapter's."""
    return {name: _title(name, facts) for run in merged.runs for name, facts in run["adapters"].items()}


def states(merged: Merged) -> dict[str, list[Mapping[str, Any]]]:
    """What each framework's documentation says of its accuracy; a framework without a word of it is left out."""
    said = {
        name: facts["states"] for run in merged.runs for name, facts in run["adapters"].items() if "states" in facts
    }
    return dict(sorted(said.items()))


def short(title: str) -> str:
    """The framework alone, of a title such as 'JAX, Optax'."""
    return title.partition(",")[0]


def environment(subject: Mapping[str, str]) -> str:
    """The subject's adapter in its version, as --adapter takes it: without what a build adds to the version."""
    try:
        version = Version(subject["version"]).public
    except ValueError:  # InvalidVersion is one; so is int()'s refusal of 5,000 digits
        version = subject["version"]
    return f"{release.taken_apart(subject['adapter'], version)[0]}=={version}"


def _title(name: str, facts: Mapping[str, Any]) -> str:
    _, chosen = release.taken_apart(name, name.rpartition("==")[2])
    return f"{facts['title']} {chosen}" if "==" in name and "title" in facts else str(facts.get("title", name))

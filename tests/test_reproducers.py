"""The reproducers on the published page: each is run with its framework alone, and must show its deviation."""

from __future__ import annotations

import importlib.util

import pytest

from conformance.records import record
from conformance.report.causes import Cause, causes
from conformance.report.merge import merge
from conformance.storage import content
from conformance.verbs import reproduce

PUBLISHED = content.PACKAGE.parent / "reports" / "cpu" / "results.jsonl.gz"
# What must be importable; where it is not, the framework's own tox environment runs the same check.
MODULES = {"numpy": "scipy", "pytorch": "torch", "tensorflow": "tensorflow", "jax": "optax"}


@pytest.fixture(scope="module")
def found() -> list[Cause]:
    """Every cause on the page."""
    return causes(merge([list(record.read(PUBLISHED))]))


def test_every_cause_has_a_short_reproducer(found: list[Cause]) -> None:
    """At most ten lines, and no word of this suite."""
    for cause in found:
        lines = cause["reproducer"].splitlines()
        assert 1 <= len(lines) <= 10, cause["id"]
        assert not any("conformance" in line for line in lines), cause["id"]
    assert {cause["adapter"] for cause in found} == set(MODULES)


@pytest.mark.parametrize("adapter", MODULES)
def test_every_reproducer_shows_its_deviation(found: list[Cause], adapter: str) -> None:
    """What it prints is what the record says was returned."""
    if importlib.util.find_spec(MODULES[adapter]) is None:
        pytest.skip(f"{MODULES[adapter]} is not installed here; `tox -e {adapter}` runs these reproducers")
    count, failures = reproduce.failures(found, adapter)

    assert failures == []
    assert count > 0

"""The verb ``bisect``: how releases are halved, what pip lists, and what is refused. CONTRIBUTING.md has real ones."""

from __future__ import annotations

import re

import pytest
from packaging.version import Version

from conformance.errors import UsageError
from conformance.remote import environments
from conformance.remote.releases import releases
from conformance.verbs.bisect import Tried, narrowed
from tests.command import conformance

KEY = ("loss", "eager", "float32", "G1", "gradients/a-case")
OTHER = ("loss", "eager", "float32", "V1", "values/a-case")


def tried(number: int, first_bad: int, absent: frozenset[int] = frozenset()) -> Tried:
    """Release ``number``: one check fails from ``first_bad`` on, another one in every release."""
    version = Version(str(number))
    if number in absent:
        return Tried(version, told="it does not install")
    return Tried(version, {OTHER: {}} | ({KEY: {}} if number >= first_bad else {}), 2)


@pytest.mark.parametrize("first_bad", range(2, 41))
def test_the_first_bad_release_is_found_in_few_steps(first_bad: int) -> None:
    """Wherever it is, between 1 and 40, in at most six environments."""
    seen: list[int] = []

    def attempt(version: Version) -> Tried:
        seen.append(version.major)
        return tried(version.major, first_bad)

    between = [Version(str(number)) for number in range(2, 40)]
    turn = narrowed(between, tried(1, first_bad), tried(40, first_bad), attempt)

    assert (turn.good.version.major, turn.bad.version.major) == (first_bad - 1, first_bad)
    assert len(seen) <= 6


def test_what_does_not_install_is_stepped_over_and_named() -> None:
    """The turn is then between the nearest ones that do."""
    absent = frozenset(range(9, 14))
    between = [Version(str(number)) for number in range(2, 20)]
    turn = narrowed(
        between, tried(1, 11), tried(20, 11), lambda version: tried(version.major, 11, absent)
    )  # fmt: skip

    assert (turn.good.version.major, turn.bad.version.major) == (8, 14)
    assert {each.version.major for each in turn.skipped} == set(absent)


def test_ends_that_do_not_differ_are_refused() -> None:
    """With the number of checks that fail in both; and an end that cannot be tried says why."""
    with pytest.raises(UsageError, match="whatever fails in 20 fails in 10 too"):
        narrowed([], tried(10, 5), tried(20, 5), lambda version: tried(version.major, 5))
    with pytest.raises(UsageError, match="--good 3: it does not install"):
        narrowed([], tried(3, 5, frozenset([3])), tried(20, 5), lambda version: tried(version.major, 5))


def test_releases_are_what_the_index_has() -> None:
    """The oldest first, no pre-release; a distribution that there is not is refused in one line."""
    found = releases("packaging")

    assert found == sorted(found)
    assert Version("24.0") in found
    assert not any(each.is_prerelease for each in found)
    with pytest.raises(UsageError, match="pip index versions no-such-thing-at-all: ERROR"):
        releases("no-such-thing-at-all")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--adapter", "jax", "--good", "one", "--bad", "2"), "--good one: it is no version; write one, as in 2.6.2"),
        (("--adapter", "nothing", "--good", "1", "--bad", "2"), "unknown adapter 'nothing'"),
        (("--adapter", "jax[optax", "--good", "1", "--bad", "2"), "write NAME, or NAME[PACKAGE]==VERSION"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    """Exit code 2."""
    result = conformance("bisect", *arguments)

    assert result.returncode == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("jax[optax==0.2.4]", "[optax==0.2.4] is for an environment that is made; write NAME[optax==0.2.4]==VERSION"),
        ("jax[optax==]==0.6.2", "'optax==' names no versions; write NAME[optax==0.2.4]==VERSION"),
    ],
)
def test_pins_are_for_environments_that_are_made(asked: str, told: str) -> None:
    """And are requirements, as pip takes them."""
    with pytest.raises(UsageError, match=re.escape(told)):
        environments.locate(asked)

"""The verb ``bisect``: the first release in which something goes wrong, each tried in an environment of its own."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version
from rich.console import Console

from conformance.errors import UsageError
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.records.record import BREAKS, Record
from conformance.remote import loader, manifest
from conformance.remote.link import Limits
from conformance.remote.releases import releases
from conformance.running import hearing
from conformance.terminal import complaint

LIMITS = Limits(seconds=300.0)
_ASKED = re.compile(r"(?P<name>[^@=<>!~\[]+)(?:\[(?P<package>[A-Za-z0-9._-]+)\](?P<versions>==.+))?")
Key = tuple[str, ...]  # implementation, mode, dtype, clause, case


@dataclass(frozen=True)
class Tried:
    """One release: its checks that do not conform, and how many were judged; or why it could not be tried."""

    version: Version
    failing: dict[Key, Record] = field(default_factory=dict)
    judged: int = 0
    told: str = ""


@dataclass(frozen=True)
class Turn:
    """The two releases between which it changes, next to each other but for those that could not be tried."""

    good: Tried
    bad: Tried
    skipped: Sequence[Tried]


def command(options: argparse.Namespace) -> int:
    """Find the release and say which it is. Raises UsageError for ends that do not differ."""
    console = Console(soft_wrap=True, highlight=False)
    asked, package = _asked(options.adapter)
    good, bad = _version("--good", options.good), _version("--bad", options.bad)
    choice = Choice(
        implementations=tuple(options.implementation),
        devices=("cpu",),
        dtypes=tuple(options.dtype),
        modes=tuple(options.mode),
        clauses=tuple(options.clause),
        cases=tuple(options.case),
        strict=True,
    )

    def attempt(version: Version) -> Tried:
        tried = _tried(version, dataclasses.replace(choice, adapters=(asked(version),)))
        said = tried.told or f"{len(tried.failing)} of {tried.judged} checks do not conform"
        console.print(f"{package} {version}: {said}", markup=False)
        return tried

    low, high = sorted((good, bad))
    between = [each for each in releases(package) if low < each < high]
    turn = narrowed(between if good < bad else between[::-1], attempt(good), attempt(bad), attempt)
    _tell(console, package, turn, good < bad)
    return 0


def narrowed(between: Sequence[Version], good: Tried, bad: Tried, attempt: Callable[[Version], Tried]) -> Turn:
    """Halve what is between the ends, in the order from good to bad. Raises UsageError if the ends do not differ.

    A release is bad if a check fails there that fails at the bad end and not at the good one.
    """
    for end, name in ((good, "--good"), (bad, "--bad")):
        if end.told:
            raise UsageError(f"{name} {end.version}: {end.told}")
    sought = bad.failing.keys() - good.failing.keys()
    if not sought:
        raise UsageError(
            f"whatever fails in {bad.version} fails in {good.version} too ({len(bad.failing)} checks); choose other "
            "ends, or other checks"
        )
    left, skipped = list(between), list[Tried]()
    while left:
        middle = len(left) // 2
        tried = attempt(left[middle])
        if tried.told:
            skipped.append(tried)
            del left[middle]
        elif sought & tried.failing.keys():
            bad, left = tried, left[:middle]
        else:
            good, left = tried, left[middle + 1 :]
    return Turn(good, bad, skipped)


def _tried(version: Version, choice: Choice) -> Tried:
    try:
        session = open_session(choice, LIMITS)
    except UsageError as error:
        return Tried(version, told=str(error))
    with contextlib.closing(session):
        if session.missing:
            return Tried(version, told="; ".join(session.missing.values()))
        records = list(hearing.heard(session, LIMITS))
    judged = [each for each in records if each["outcome"] in (*BREAKS, "conforms")]
    if not judged:
        return Tried(version, told="nothing was judged there")
    return Tried(version, {_key(each): each for each in judged if each["outcome"] in BREAKS}, len(judged))


def _tell(console: Console, package: str, turn: Turn, forward: bool) -> None:
    sought = [turn.bad.failing[key] for key in sorted(turn.bad.failing.keys() - turn.good.failing.keys())]
    what = "first bad" if forward else "last bad"
    after = "after" if forward else "before"
    console.print(f"{what}: {package} {turn.bad.version}, {after} {turn.good.version}", style="bold", markup=False)
    for each in complaint.complaints(sought)[:3]:
        for line in complaint.lines(each):
            console.print(f"  {line}", markup=False)
    conform = "this check conforms" if len(sought) == 1 else f"these {len(sought):,} checks conform"
    console.print(f"in {turn.good.version} {conform}", markup=False)
    for skipped in turn.skipped:
        console.print(f"stepped over {skipped.version}: {skipped.told}", markup=False)


def _key(each: Record) -> Key:
    who = each["subject"]
    return who["implementation"], who["mode"], who["dtype"], each["clause"], each["case"]


def _version(option: str, text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise UsageError(f"{option} {text}: it is no version; write one, as in 2.6.2") from None


def _asked(text: str) -> tuple[Callable[[Version], str], str]:
    """What --adapter is for a version, and the distribution whose versions they are."""
    parts = _ASKED.fullmatch(text)
    if parts is None:
        raise UsageError(f"--adapter {text}: write NAME, or NAME[PACKAGE]==VERSION for the versions of what it needs")
    name, folder = loader.locate(parts["name"])
    if package := parts["package"]:
        return lambda version: f"{parts['name']}[{package}=={version}]{parts['versions']}", package
    distributions = [Requirement(each).name for each in manifest.read(folder).framework]
    if not distributions:
        raise UsageError(f"--adapter {name}: its adapter.toml names no framework whose versions could be tried")
    return lambda version: f"{parts['name']}=={version}", distributions[0]


def add_parser(verbs: Any) -> None:
    """The grammar of the verb."""
    each = verbs.add_parser(
        "bisect",
        help="the first release in which checks fail",
        description="Try releases between a good and a bad one, each in an environment that is made for it, and name "
        "the first bad one with what goes wrong. Releases that cannot be installed are stepped over and named.",
    )
    each.add_argument(
        "--adapter", required=True, metavar="NAME",
        help="whose framework; NAME[PACKAGE]==VERSION: the framework in that version, and releases of a package that "
        "it needs, as in 'jax[optax]==0.6.2'",
    )  # fmt: skip
    each.add_argument("--good", required=True, metavar="VERSION", help="a release in which they conform")
    each.add_argument("--bad", required=True, metavar="VERSION", help="one in which they do not, newer or older")
    for name, what in (
        ("clause", "GLOB"),
        ("case", "GLOB"),
        ("implementation", "NAME"),
        ("mode", "MODE"),
        ("dtype", "T"),
    ):
        each.add_argument(f"--{name}", action="append", default=[], metavar=what, help="only this one (repeatable)")

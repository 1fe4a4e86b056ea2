"""What the command line chose, and whether there is such a thing."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from conformance.adapter import Adapter
from conformance.arithmetic.dtype import dtype_named
from conformance.errors import UsageError
from conformance.golden import collection as cases
from conformance.spec.clauses import CLAUSES
from conformance.subjects.target import is_target


@dataclass(frozen=True)
class Choice:
    """What the command line chose; an empty tuple means everything."""

    adapters: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    strict: bool = False
    ledger: str = ""
    seed: int = 0
    threads: int = 0  # 0: as many as each framework takes
    quick: bool = False  # the part that still fails every miniature
    thorough: bool = False  # triples of conditions in chapter C, not pairs; and what takes processes of its own

    @property
    def names(self) -> set[str]:
        """Clauses and cases that were asked for, as they were written."""
        return {*self.clauses, *self.cases}


def require_names(choice: Choice) -> None:
    """Raise UsageError for a dtype, clause or case that does not exist, and a ledger of nobody's."""
    if choice.ledger:
        _require_targets(choice)
    if choice.quick and choice.thorough:
        raise UsageError("--quick and --thorough: ask for one of them")
    for name in choice.dtypes:
        dtype_named(name)
    for glob in choice.clauses:
        if not fnmatch.filter(CLAUSES, glob):
            raise UsageError(f"no clause matches '{glob}'; known: {', '.join(CLAUSES)}")
    for glob in choice.cases:
        if not fnmatch.filter([each.id for each in cases.load_all()], glob):
            raise UsageError(f"no case matches '{glob}'; `python -m conformance list cases` shows them")


def require_offered(choice: Choice, adapters: Collection[Adapter]) -> None:
    """Raise UsageError for a mode, device or implementation that none of the adapters has."""
    modes = {mode for each in adapters for mode in each.modes}
    devices = {device for each in adapters for device in each.devices()}
    _require_known(choice.modes, modes, "mode")
    for device in choice.devices:
        if device not in ("cpu", "gpu"):
            raise UsageError(f"unknown device '{device}'; known: cpu, gpu")
        if device not in devices:
            raise UsageError(
                f"device '{device}' was asked for, but the frameworks here see only {', '.join(sorted(devices))}"
            )
    names = {each.name for one in adapters for each in one.implementations()}
    for name in choice.implementations:
        if name.endswith(".py"):
            raise UsageError(f"--implementation {name}: it names a file and no function; write {name}:function")
        if not is_target(name):
            _require_known((name,), names, "implementation")


def _require_targets(choice: Choice) -> None:
    if not any(map(is_target, choice.implementations)):
        raise UsageError("--ledger lists deviations of your own implementation; add --implementation FILE.py:function")


def _require_known(names: Iterable[str], known: Collection[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"unknown {what} '{name}'; known: {', '.join(sorted(known))}")

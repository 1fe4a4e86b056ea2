"""What a run consists of: the chosen adapters, implementations, modes, devices and dtypes."""

from __future__ import annotations

import atexit
import dataclasses
import fnmatch
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance import case as cases
from conformance import loader, threads
from conformance.adapter import Adapter, Implementation
from conformance.ambient import Readings
from conformance.case import Case
from conformance.configurations.survey import Surveys
from conformance.dtype import DTYPES, dtype_named
from conformance.errors import UsageError
from conformance.examination import Batches
from conformance.ledger import EMPTY, FILE, Ledger
from conformance.ledger import load as load_ledger
from conformance.remote.link import Limits, Link
from conformance.remote.opening import opened
from conformance.remote.proxy import RemoteAdapter
from conformance.spec import CLAUSES
from conformance.speed import memory
from conformance.speed.workload import workloads
from conformance.subject import Runner, Subject
from conformance.target import is_target
from conformance.worker import candidate

THOROUGH = frozenset({"L9"})  # clauses that take a process for each of an adapter's switches


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
    thorough: bool = False  # triples of conditions in chapter C, not pairs; and what takes processes of its own

    @property
    def names(self) -> set[str]:
        """Clauses and cases that were asked for, as they were written."""
        return {*self.clauses, *self.cases}


@dataclass(eq=False)
class Session:
    """The runners of a run, the ledger of each adapter, and the adapters that are not here."""

    choice: Choice
    adapters: dict[str, Adapter] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    runners: list[Runner] = field(default_factory=list)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)  # of the adapters, by what was asked for
    brought: dict[tuple[str, str], RemoteAdapter] = field(default_factory=dict)  # by label and target
    links: list[Link] = field(default_factory=list)  # to the workers, if there are any
    own_ledger: Ledger = EMPTY  # of the implementations that were brought along
    done: set[tuple[str, str, str]] = field(default_factory=set)  # subject, clause, case: recorded already

    def __post_init__(self) -> None:
        self.batches = Batches(cases.load_all())

    def sources(self) -> dict[str, set[Path]]:
        """The files of each implementation that was brought along."""
        targets = [name for name in self.choice.implementations if is_target(name)]
        if not self.links:
            return {name: set(candidate.sources(name)) for name in targets}
        # A worker tells what was imported there; the file that was named is looked at whatever it tells.
        found = {name: {Path(name.rpartition(":")[0]).resolve()} if ".py:" in name else set() for name in targets}
        for (_, target), adapter in self.brought.items():
            found[target].update(adapter.sources.get(target, ()))
        return found

    def begin(self, seconds: float) -> None:
        """From now on the workers have so many seconds for what they are asked."""
        for link in self.links:
            link.begin(seconds)

    def close(self) -> None:
        """End the workers. One that is asked again begins again."""
        for link in self.links:
            link.close()

    def ledger_of(self, runner: Runner) -> Ledger:
        """The adapter's ledger, or --ledger's for implementations brought along; an empty one for --strict."""
        if self.choice.strict:
            return EMPTY
        if is_target(runner.implementation.name):
            return self.own_ledger
        return self.ledgers[runner.subject.adapter]

    def deviations(self) -> dict[str, dict[str, dict[str, str]]]:
        """Reason, harm and link of each known deviation, by adapter and id."""
        return {name: {**self.ledgers[name].texts(), **self.own_ledger.texts()} for name in self.adapters}

    def clause_chosen(self, clause: str) -> bool:
        """True if --clause lets this clause through."""
        return not self.choice.clauses or any(fnmatch.fnmatchcase(clause, glob) for glob in self.choice.clauses)

    def case_chosen(self, case: str) -> bool:
        """True if --case lets this case through."""
        return not self.choice.cases or any(fnmatch.fnmatchcase(case, glob) for glob in self.choice.cases)

    def affordable(self, case: Case) -> bool:
        """False for what takes processes of its own, unless it is asked for: by --thorough, or by its exact name."""
        costly = THOROUGH.issuperset(case.clauses)
        return not costly or self.choice.thorough or bool({case.id, *case.clauses} & self.choice.names)

    def _has_time_for(self, runner: Runner) -> bool:
        """Chapter C, where each shape or dtype costs a compilation: for functions, and where seconds, in float32."""
        adapter, mode = runner.adapter, runner.subject.mode
        slow = mode in adapter.compiles_slowly
        if self.choice.thorough or not (slow or mode in adapter.compiles_each_shape):
            return True
        return runner.implementation.role == "function" and (not slow or runner.subject.dtype == "float32")

    @functools.cached_property
    def readings(self) -> Readings:
        """What the subjects return under the switches of their adapters."""
        return Readings(self.folders, self.on_logits)

    @functools.cached_property
    def surveys(self) -> Surveys:
        """What became of every way to call the subjects."""
        return Surveys(self.choice.seed, self.choice.thorough)

    def cases_of(self, runner: Runner) -> Iterator[Case]:
        """The chosen cases that are put to a runner: those of its dtype, with the argument that it takes."""
        for case in cases.load_all():
            if case.configurations and not self._has_time_for(runner):
                continue
            fits = case.argument == runner.takes and runner.subject.dtype in case.dtypes
            if fits and self.case_chosen(case.id) and self.affordable(case):
                yield case

    @property
    def on_logits(self) -> list[Runner]:
        """The runners that take logits: error curves and workloads are made of these."""
        return [each for each in self.runners if each.takes == "logits"]

    @functools.cache  # noqa: B019 - one session a process
    def twin(self, runner: Runner) -> Runner | None:
        """The function that the subject's implementation only calls, in the same mode; None if there is none."""
        name = runner.implementation.same_as
        if not name:
            return None
        known = {each.name: each for each in runner.adapter.implementations()}
        if name not in known:
            raise UsageError(
                f"{runner.implementation.name}: same_as '{name}' is no implementation; known: {', '.join(known)}"
            )
        implementation = known[name]
        subject = dataclasses.replace(runner.subject, implementation=name)
        for each in self.runners:
            if each.subject == subject and each.implementation is implementation:
                return each
        return Runner(subject, runner.adapter, implementation)


def open_session(choice: Choice, limits: Limits | None = None) -> Session:
    """Load what was chosen, into this process or, with ``limits``, into workers.

    Raises UsageError for names that do not exist.
    """
    session = Session(choice)
    _check_names(choice)
    if choice.ledger:
        _require_targets(choice)
        session.own_ledger = load_ledger(Path(choice.ledger), required=True)
    if choice.threads:
        threads.confine(choice.threads)
        memory.keep_freed()
    for asked in dict.fromkeys(choice.adapters or loader.beside()):
        _open_adapter(session, asked, limits)
    _check_chosen(session)
    session.runners = list(_runners(session))
    if not session.runners and not session.missing:
        raise UsageError("nothing was chosen: no subject has this implementation, mode, device and dtype")
    return session


def open_subject(choice: Choice) -> tuple[Session, Runner]:
    """The first subject of what was chosen, for a verb about one that takes logits. Raises UsageError.

    Also if a framework is missing.
    """
    session = open_session(choice)
    for name, reason in session.missing.items():
        raise UsageError(f"adapter '{name}': {reason}")
    if session.runners[0].takes != "logits":
        raise UsageError(
            f"'{session.runners[0].implementation.name}' takes probabilities; choose one that takes logits"
        )
    return session, session.runners[0]


@functools.cache
def session_of(choice: Choice, limits: Limits | None = None) -> Session:
    """The session of this process."""
    session = open_session(choice, limits)
    atexit.register(session.close)
    return session


def _open_adapter(session: Session, asked: str, limits: Limits | None) -> None:
    choice = session.choice
    targets = [name for name in choice.implementations if is_target(name)]
    found = opened(asked, limits, choice.implementations, targets, choice.threads)
    label = session.labels[asked] = found.label
    if label in session.ledgers:
        raise UsageError(f"--adapter {asked}: {label} is judged already; name each version once")
    session.ledgers[label] = load_ledger(found.folder / FILE)
    session.folders[label] = found.folder
    session.links += found.links
    session.brought |= {(label, target): adapter for target, adapter in found.brought.items()}
    if found.adapter is None:
        session.missing[label] = found.missing
        return
    session.adapters[label] = found.adapter
    if choice.threads:
        threads.limit(found.adapter, choice.threads)


def _check_names(choice: Choice) -> None:
    _require_known(choice.dtypes, DTYPES, "dtype")
    for glob in choice.clauses:
        if not fnmatch.filter(CLAUSES, glob):
            raise UsageError(f"no clause matches '{glob}'; known: {', '.join(CLAUSES)}")
    for glob in choice.cases:
        if not fnmatch.filter([each.id for each in cases.load_all()], glob):
            raise UsageError(f"no case matches '{glob}'; `python -m conformance list cases` shows them")
    workloads(choice.workloads)


def _check_chosen(session: Session) -> None:
    if session.missing and not session.adapters:
        return
    modes = {mode for each in session.adapters.values() for mode in each.modes}
    devices = {device for each in session.adapters.values() for device in each.devices()}
    _require_known(session.choice.modes, modes, "mode")
    for device in session.choice.devices:
        if device not in ("cpu", "gpu"):
            raise UsageError(f"unknown device '{device}'; known: cpu, gpu")
        if device not in devices:
            raise UsageError(
                f"device '{device}' was asked for, but the frameworks here see only {', '.join(sorted(devices))}"
            )
    names = {each.name for one in session.adapters.values() for each in one.implementations()}
    for name in session.choice.implementations:
        if name.endswith(".py"):
            raise UsageError(f"--implementation {name}: it names a file and no function; write {name}:function")
        if not is_target(name):
            _require_known((name,), names, "implementation")


def _runners(session: Session) -> Iterator[Runner]:
    choice = session.choice
    for name, adapter in session.adapters.items():
        version = adapter.version
        for implementation, modes in _implementations(session, name, adapter):
            home = session.brought.get((name, implementation.name), adapter)
            for mode in modes:
                for device in choice.devices or adapter.devices():
                    for dtype in choice.dtypes or tuple(DTYPES):
                        if device in adapter.devices() and dtype in adapter.dtypes_of(mode):
                            subject = Subject(name, implementation.name, version, mode, device, dtype)
                            yield Runner(subject, home, implementation)


def _implementations(session: Session, label: str, adapter: Adapter) -> Iterator[tuple[Implementation, Sequence[str]]]:
    choice = session.choice
    targets = [name for name in choice.implementations if is_target(name)]
    for implementation in adapter.implementations():
        if is_target(implementation.name):  # of a worker that has one that was brought along
            continue
        if choice.implementations and implementation.name not in choice.implementations:
            continue
        offered = implementation.modes or adapter.modes
        yield implementation, [mode for mode in offered if not choice.modes or mode in choice.modes]
    for target in targets:
        here = session.brought.get((label, target))
        found = (
            [candidate.brought(target)]
            if here is None
            else [each for each in here.implementations() if each.name == target]
        )
        for each in found:
            yield each, choice.modes or adapter.modes[:1]


def _require_targets(choice: Choice) -> None:
    if not any(map(is_target, choice.implementations)):
        raise UsageError("--ledger lists deviations of your own implementation; add --implementation FILE.py:function")


def _require_known(names: Sequence[str], known: Any, what: str) -> None:
    for name in names:
        if what == "dtype":
            dtype_named(name)
        elif name not in known:
            raise UsageError(f"unknown {what} '{name}'; known: {', '.join(sorted(known))}")


def describe(adapter: Adapter) -> Mapping[str, Any]:
    """What a run record says of an adapter."""
    return {"versions": adapter.versions(), "devices": list(adapter.devices()), "threads": adapter.threads()}

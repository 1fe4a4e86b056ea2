"""How a session is opened: adapters are loaded, into this process or into workers, and their subjects made."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance.adapter import Adapter, Implementation
from conformance.arithmetic.dtype import DTYPES
from conformance.errors import UsageError
from conformance.golden import collection as cases
from conformance.judging.choice import Choice, require_names, require_offered
from conformance.judging.session import Session
from conformance.records.ledger import FILE
from conformance.records.ledger import load as load_ledger
from conformance.remote import loader
from conformance.remote.link import Limits
from conformance.remote.opening import opened
from conformance.subjects import threads
from conformance.subjects.subject import Runner, Subject
from conformance.subjects.target import is_target
from conformance.worker import candidate


def open_session(choice: Choice, limits: Limits | None = None) -> Session:
    """Load what was chosen, into this process or, with ``limits``, into workers.

    Raises UsageError for names that do not exist.
    """
    session = Session(choice)
    require_names(choice)
    if choice.ledger:
        session.own_ledger = load_ledger(Path(choice.ledger), required=True)
    if choice.threads:
        threads.confine(choice.threads)
    with ThreadPoolExecutor(1) as pool:
        # While a worker imports its framework, which takes as long.
        loading = pool.submit(cases.load_all)
        for asked in dict.fromkeys(choice.adapters or loader.beside()):
            _open_adapter(session, asked, limits)
    loading.result()
    if session.adapters or not session.missing:
        require_offered(choice, session.adapters.values())
    session.runners = list(_runners(session))
    if not session.runners and not session.missing:
        raise UsageError("nothing was chosen: no subject has this implementation, mode, device and dtype")
    return session


def open_subject(choice: Choice, limits: Limits | None = None) -> tuple[Session, Runner]:
    """The first subject of what was chosen, for a verb about one that takes logits; with ``limits`` in a worker.

    Raises UsageError.

    Also if a framework is missing.
    """
    session = open_session(choice, limits)
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
    session.ledgers[label] = session.ledgers[label].beside(found.adapter.versions())
    if choice.threads:
        threads.limit(found.adapter, choice.threads)


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

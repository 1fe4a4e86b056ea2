"""A whole session heard without pytest: for verbs, and for other people's tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from conformance.judging.docket import Docket, Unexpected
from conformance.judging.session import Session
from conformance.records.record import Record
from conformance.remote.link import Limits
from conformance.running.judge import Judge, checks


def heard(session: Session, limits: Limits) -> Iterator[Record]:
    """The records of every check of the session's subjects, as they happen."""
    judge = Judge(session, limits)
    for runner in session.runners:
        for case in session.cases_of(runner):
            docket = Docket(session, runner, case)
            with contextlib.suppress(Unexpected, pytest.skip.Exception):
                docket.hear(checks(), judge)
            yield from docket.records

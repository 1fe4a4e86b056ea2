"""C: every way to call it, and every input (conformance/configurations)."""

from __future__ import annotations

import functools

from conformance.judging.docket import Docket, Hearing
from conformance.judging.examination import Examination
from conformance.spec.outcome import Outcome


def in_every_configuration(clause: str, examination: Examination) -> Outcome:
    found = examination.session.surveys.of(examination.runner)
    return found.outcome(clause, examination.case.configurations)


CHECKS = {clause: functools.partial(in_every_configuration, clause) for clause in ("C1", "C2", "C3", "C4", "C5", "C6")}


def test_configurations(docket: Docket, judge: Hearing) -> None:
    docket.hear(CHECKS, judge)

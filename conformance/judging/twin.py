"""An implementation that only calls another one, and must give its bits: clauses L8 and P8."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.adapter import NotOffered
from conformance.judging.examination import Examination
from conformance.spec.outcome import Conforms, Deviates, Outcome
from conformance.subjects.subject import Call, Runner, bits


def twin_of(examination: Examination) -> Runner:
    """The function that is only called. Raises NotOffered where there is none."""
    twin = examination.session.twin(examination.runner)
    if twin is None:
        raise NotOffered("it is declared to be the same as no other function")
    return twin


def same_bits(examination: Examination, twin: Runner, calls: Iterable[Call]) -> Outcome:
    """Whatever the function gives, right or wrong, in loss and gradient of every call."""
    compared = 0
    for call in calls:
        own, other = examination.runner.run_both(call), twin.run_both(call)
        for quantity, left, right in zip(("loss", "gradient"), own, other, strict=True):
            if left.dtype != right.dtype or left.shape != right.shape or (bits(left) != bits(right)).any():
                given = ", ".join((*call.operands, f"reduction {call.reduction}"))
                return Deviates("differs", f"the {quantity} differs from {twin.implementation.name}'s given {given}")
        compared += 1
    return Conforms({"calls": compared})

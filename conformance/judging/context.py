"""What a report needs besides checks, written after the run's first line: a report reads nothing but records.

An older run's page shows the cases as they were then, and two runs of different case sets merge case by case where
the cases' own hashes agree.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

from conformance.adapter import KEYWORDS, Adapter, Implementation
from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.number import float_text
from conformance.golden.case import Case
from conformance.golden.collection import load_all
from conformance.golden.grid import grid_record
from conformance.judging.session import Session

Record = dict[str, Any]
_EXACT = ("loss", "gradient")
_MOST_ELEMENTS = 256


def records(session: Session) -> Iterator[Record]:
    """Implementations, cases and grids of what the session is about to judge."""
    seen = set()
    for runner in session.runners:
        key = (runner.subject.adapter, runner.implementation.name)
        if key not in seen:
            seen.add(key)
            yield implementation_record(runner.adapter, runner.implementation)
    chosen = {runner.subject.dtype for runner in session.runners}
    for case in load_all() if session.runners else ():
        if (
            session.case_chosen(case.id)
            and session.affordable(case)
            and any(session.clause_chosen(clause) for clause in case.clauses)
        ):
            yield case_record(case)
    if curves_chosen(session):
        for name in DTYPES:
            if name in chosen:
                yield grid_record(DTYPES[name])


def curves_chosen(session: Session) -> bool:
    """True unless the command line asks for some clauses or cases only, or is in a hurry."""
    return not (session.choice.clauses or session.choice.cases or session.choice.quick)


def implementation_record(adapter: Adapter, implementation: Implementation) -> Record:
    """What an implementation is, what it offers, and how a call of it is written."""
    supports = implementation.supports
    optional = {"same_as": implementation.same_as, "supports": dataclasses.asdict(supports) if supports else None}
    return {
        "record": "implementation",
        "adapter": adapter.name,
        "implementation": implementation.name,
        "target": implementation.target,
        "documentation": implementation.documentation,
        "labels": implementation.labels,
        "broadcasts": implementation.broadcasts,
        "takes": implementation.takes,
        "keywords": [word for word in KEYWORDS if word != "reduction" and implementation.offers(word)],
        "reductions": {name: each.divisor for name, each in implementation.reductions.items()},
        "calls": {
            name: implementation.call_text(name, (), None) if implementation.expression else ""
            for name in implementation.reductions
        },
        "weighted_call": _weighted(implementation),
        "note": implementation.note,
        "role": implementation.role,
        **{name: value for name, value in optional.items() if value},
    }


def case_record(case: Case) -> Record:
    """A case: what it is about, its inputs as written, and the exact results of its elements, a dtype at a time."""
    settings = {
        "label_smoothing": case.label_smoothing if case.label_smoothing != "0" else "",
        "ignore_index": "" if case.ignore_index is None else str(case.ignore_index),
        "reductions": " ".join(case.reductions) if case.reductions != ("none",) else "",
        "repeat": str(case.repeat) if case.repeat > 1 else "",
        "layout": case.layout if case.layout != "contiguous" else "",
        "mismatch": case.mismatch,
        "label_dtype": case.label_dtype,
        "logit_dtype": case.logit_dtype,
        "law": f"{case.law.examples} examples of {case.law.elements} elements, logits {case.law.logits[0]:g} to "
        f"{case.law.logits[1]:g}, {case.law.labels} labels" if case.law else "",
        "configurations": f"every pair of conditions of a call, inputs: {case.configurations}"
        if case.configurations else "",
    }  # fmt: skip
    return {
        "record": "case",
        "case": case.id,
        "hash": case_hash(case),
        "idea": case.idea,
        "source": case.source,
        "links": list(case.links),
        "clauses": list(case.clauses),
        "flags": list(case.flags),
        "settings": {name: text for name, text in settings.items() if text},
        "input": {name: array.tolist() for name, array in case.texts.items()},
        "exact": _exact(case),
    }


def case_hash(case: Case) -> str:
    """The first 64 bits of the SHA-256 of the case's file."""
    return hashlib.sha256(case.path.read_bytes()).hexdigest()[:16]


def _exact(case: Case) -> dict[str, dict[str, list[str]]]:
    if case.drawn or case.mismatch or not 0 < case.texts[case.argument].size <= _MOST_ELEMENTS:
        return {}
    return {
        name: {
            quantity: [float_text(float(value)) for value in case.exact(quantity, DTYPES[name]).approximate()]
            for quantity in _EXACT
        }
        for name in case.dtypes
    }


def _weighted(implementation: Implementation) -> str:
    if not implementation.expression or not implementation.offers("weight"):
        return ""
    reduction = "mean" if "mean" in implementation.reductions else next(iter(implementation.reductions))
    return implementation.call_text(reduction, ("weight",), None)

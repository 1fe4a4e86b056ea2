"""What a sweep found, as a record for the report, and whether the ledger knows it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conformance.arithmetic.dtype import dtype_named
from conformance.records.ledger import Ledger
from conformance.records.record import Record
from conformance.subjects.subject import Subject
from conformance.sweep.block import Swept
from conformance.sweep.classes import FLUSHED, NAMES, signatures
from conformance.sweep.counter import LIMITS
from conformance.sweep.grid import number, pattern_of
from conformance.sweep.tally import Tally, bad, has_distance, total

CHAPTERS = {"loss": "V", "gradient": "G"}


def tallies(swept: Iterable[Swept], subject: Subject) -> dict[tuple[str, str], Tally]:
    """The tallies by quantity and label: '0', '1', or 'all' for blocks of many labels."""
    dtype = dtype_named(subject.dtype)
    one = pattern_of(1.0, dtype)
    groups: dict[tuple[str, str], list[Tally]] = {}
    for each in swept:
        hard = {(0, 1): "0", (one, 1): "1"}.get((each.block.label, each.block.labels), "all")
        for quantity, tally in each.tallies.items():
            groups.setdefault((quantity, hard), []).append(tally)
    if any(label == "all" for _, label in groups):
        groups = {
            (name, "all"): [tally for (quantity, _), found in groups.items() if quantity == name for tally in found]
            for name, _ in groups
        }
    return {key: total(found) for key, found in sorted(groups.items())}


def record(
    subject: Subject, swept: Mapping[str, Swept], options: Mapping[str, Any], blocks: int, unexpected: list[str]
) -> Record:
    """The sweep record: exact counts, worst elements, bad regions, curve and hash of each quantity and label.

    Bit patterns are hex; ``limit_ulp`` is the bound beyond which an element is bad (spec.py's should bounds);
    ``hash`` is that of the hashes of all blocks in order, there for a whole sweep only.
    """
    dtype = dtype_named(subject.dtype)
    found = [
        {"quantity": quantity, "label": label, "limit_ulp": LIMITS[quantity], **tally.to_json(dtype)}
        for (quantity, label), tally in tallies(swept.values(), subject).items()
    ]
    each: Record = {
        "record": "sweep",
        "subject": dataclasses.asdict(subject),
        "options": dict(options),
        "complete": len(swept) == blocks,
        "found": found,
        "unexpected": unexpected,
    }
    if len(swept) == blocks:
        each["hash"] = {name: _hash(name, swept) for name in options["quantities"]}
    return each


def unlisted(subject: Subject, quantity: str, kind: int, ledger: Ledger) -> bool:
    """True if the ledger lists no deviation that elements of the class could be; a subnormal may be flushed (V6)."""
    return kind != FLUSHED and not ledger.signatures(subject, CHAPTERS[quantity]) & set(signatures(kind))


def unexpected(subject: Subject, swept: Iterable[Swept], ledger: Ledger) -> Iterator[str]:
    """A line for each class of bad elements that the ledger lists in no clause of the quantity's chapter."""
    dtype = dtype_named(subject.dtype)
    for (quantity, label), tally in tallies(swept, subject).items():
        for kind, count in bad(tally).items():
            if unlisted(subject, quantity, kind, ledger):
                region = next(region for (each, _), region in tally.regions.items() if each == kind)
                witness = region.worst
                what = f"{NAMES[kind]} ULP" if has_distance(kind) else NAMES[kind]
                logit, got = number(witness.logit, dtype), number(witness.got, dtype)
                yield f"{quantity} for label {label}: {count:,} elements {what}, such as {got!r} at logit {logit!r}"


def _hash(quantity: str, swept: Mapping[str, Swept]) -> str:
    digest = hashlib.sha256()
    for key in sorted(swept):
        digest.update(f"{key} {swept[key].hashes[quantity]}\n".encode())
    return digest.hexdigest()

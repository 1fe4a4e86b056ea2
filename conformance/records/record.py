"""results.jsonl: one JSON object a line, the run first, then a check a line, written as they happen."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from conformance import __version__
from conformance.errors import ContentError, UsageError
from conformance.golden.collection import case_set_hash
from conformance.records.ledger import Finding
from conformance.spec.outcome import Conforms, Deviates, Outcome
from conformance.storage import files, intake
from conformance.storage.schema import record_kinds, validate
from conformance.subjects.subject import Subject

FORMAT = 1
Record = dict[str, Any]
BREAKS = ("deviates", "errored", "crashed")  # outcomes that break a clause


def check_record(
    subject: Subject, clause: str, level: str, case: str, outcome: Outcome, finding: Finding, reproducer: str
) -> Record:
    """One check as it is written."""
    record: Record = {
        "record": "check",
        "subject": dataclasses.asdict(subject),
        "clause": clause,
        "level": level,
        "case": case,
        "outcome": outcome.name,
        "signature": outcome.signature,
        "expected": finding.expected,
    }
    if isinstance(outcome, Conforms | Deviates):
        record["measures"] = {name: _number(value) for name, value in outcome.measures.items()}
        if outcome.worst is not None:
            worst = dataclasses.asdict(outcome.worst)
            record["worst"] = {name: _number(value) for name, value in worst.items()}
    detail = getattr(outcome, "detail", "") or getattr(outcome, "reason", "")
    optional = {"detail": detail[:500], "deviation": finding.deviation, "note": finding.note, "reproducer": reproducer}
    record |= {name: text for name, text in optional.items() if text}
    return record | ({"documented": True} if finding.documented else {})


def run_record(
    adapters: Mapping[str, Mapping[str, Any]],
    missing: Mapping[str, str],
    deviations: Mapping[str, Mapping[str, Mapping[str, str]]],
    options: Mapping[str, Any],
    started: str,
    sources: Mapping[str, str] | None = None,
) -> Record:
    """The first line of a run.

    ``adapters`` maps names to versions, devices and thread counts, ``deviations`` each adapter's known deviations to
    their reason, harm and link: a report reads nothing but records. ``sources`` are hashes of the code that is judged.
    """
    return {
        "record": "run",
        "format": FORMAT,
        "suite": __version__,
        "case_set": case_set_hash(),
        "started": started,
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "adapters": adapters,
        "missing": missing,
        "deviations": deviations,
        "options": options,
        "sources": dict(sources or {}),
    }


def line(record: Record) -> str:
    """The record as one line of JSON: what is written, and what travels between processes."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Writer:
    """Appends records to a file, each line whole and flushed before the next check runs.

    An earlier run's file is kept as results.previous.jsonl, unless ``append`` says to go on with it.
    """

    _file: IO[str] | None

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._path, self._file, self._written = path, None, hashlib.sha256()
        with files.refused_in_one_line(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not append:
                path.replace(path.with_name("results.previous.jsonl"))
            self._before = path.stat().st_size if append else 0
            if append:
                self._file = self._opened()

    def write(self, line: str) -> None:
        """Append one record, as ``line`` gives it. The file appears with its first line: none is ever empty."""
        self._written.update(f"{line}\n".encode())
        if self._file is None:
            files.write(self._path, line + "\n")
            self._file = self._opened()
            return
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file. Raises UsageError if what was written to it is not what stands there."""
        if self._file is None:
            return
        self._file.close()
        with files.refused_in_one_line(self._path), self._path.open("rb") as file:
            file.seek(self._before)
            there = hashlib.file_digest(file, "sha256")
        if there.digest() != self._written.digest():
            raise UsageError(f"{self._path}: somebody else wrote to it while the run went on; judge anew")

    def _opened(self) -> IO[str]:
        return self._path.open("a", encoding="utf-8", newline="\n")


def unbroken(path: Path) -> list[Record]:
    """The records of a run that was broken off, to go on with; an unfinished last line is cut off the file.

    Empty if there is no such run, or not even its first line.
    """
    if not path.exists():
        return []
    with files.refused_in_one_line(path), path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
    return list(read(path)) if path.stat().st_size else []


def require_same_run(old: Record, new: Record, path: Path) -> None:
    """Raise ContentError unless a run can be resumed: same suite, cases, versions, machine and options."""
    for key in ("suite", "case_set", "machine", "adapters", "missing", "deviations", "options", "sources"):
        if old.get(key) != new[key]:
            raise ContentError(
                path, "line 1", f"it was begun with other {key.replace('_', ' ')}", "leave out --resume to begin anew"
            )


def read(path: Path) -> Iterator[Record]:
    """The records of a file (plain or .gz), the run first. An unfinished last line, as a kill leaves it, is dropped.

    Raises ContentError for anything else that is not a results file, and beyond conformance.storage.limits.
    """
    return records(intake.lines(path), path)


def records(lines: Iterable[bytes], path: Path) -> Iterator[Record]:
    """The records of a file's lines, as ``read`` gives them."""
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            record = intake.json_value(line, bounded=False)
            if not (isinstance(record, dict) and record.get("record") == "check"):
                record = intake.json_value(line)
        except ValueError as error:
            if number > 1 and not line.endswith(b"\n"):
                return
            why = "" if isinstance(error, json.JSONDecodeError) else f" ({error})"
            raise ContentError(path, f"line {number}", f"it is not JSON{why}", "each line is one JSON object") from None
        _check(record, number == 1, path, number)
        yield record
    if number == 0:
        raise ContentError(path, "file", "it holds no run", "the first line describes the run")


def _check(record: Any, first: bool, path: Path, number: int) -> None:
    # jsonschema on every line would take longer than the run that wrote them.
    kind = record.get("record") if isinstance(record, dict) else None
    kinds = record_kinds()
    if not isinstance(kind, str) or kind not in kinds:
        if kind is None:
            validate(record, "result", path, f"line {number}: ")
        raise ContentError(path, f"line {number}", f"it is no record: {kind!r:.100}", f"known: {', '.join(kinds)}")
    if not kinds[kind](record):
        validate(record, "result", path, f"line {number}: ", kind)
        raise ContentError(path, f"line {number}", f"it is no {kind} record", "see conformance/schemas/result.json")
    if first != (kind == "run"):
        wanted = "a run" if first else "a check"
        raise ContentError(path, f"line {number}", f"it is not {wanted} record", "the run comes first, then checks")


def _number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return round(value, 6) if isinstance(value, float) and abs(value) < 1e6 else value


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

"""results.jsonl: one JSON object a line, the run first, then a check a line, written as they happen."""

from __future__ import annotations

import dataclasses
import gzip
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from conformance import __version__
from conformance.case import case_set_hash
from conformance.errors import ContentError
from conformance.ledger import Finding
from conformance.outcome import Conforms, Deviates, Outcome
from conformance.schema import validate
from conformance.subject import Subject

FORMAT = 1
# Besides the run and its checks: what cases and implementations are, error curves, and what other commands measure.
EXTRA = {
    "case": ("case", "hash", "idea", "source", "clauses", "flags", "input", "exact"),
    "implementation": ("adapter", "implementation", "target", "labels", "keywords", "reductions", "calls"),
    "grid": ("dtype", "logits", "labels", "loss", "gradient"),
    "curve": ("subject", "quantity", "labels"),
    "speed": ("subject",),
    "sweep": ("subject",),
}
_SUBJECT = tuple(field.name for field in dataclasses.fields(Subject))
Record = dict[str, Any]


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
    return record | {name: text for name, text in optional.items() if text}


def run_record(
    adapters: Mapping[str, Mapping[str, Any]],
    missing: Mapping[str, str],
    deviations: Mapping[str, Mapping[str, Mapping[str, str]]],
    options: Mapping[str, Any],
    started: str,
) -> Record:
    """The first line of a run.

    ``adapters`` maps names to versions, devices and thread counts, ``deviations`` each adapter's known deviations to
    their reason, harm and link: a report reads nothing but records.
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
    }


def line(record: Record) -> str:
    """The record as one line of JSON: what is written, and what travels between processes."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Writer:
    """Appends records to a file, each line whole and flushed before the next check runs.

    An earlier run's file is kept as results.previous.jsonl, unless ``append`` says to go on with it.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not append:
            path.replace(path.with_name("results.previous.jsonl"))
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def write(self, line: str) -> None:
        """Append one record, as ``line`` gives it."""
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def unbroken(path: Path) -> list[Record]:
    """The records of a run that was broken off, to go on with; an unfinished last line is cut off the file.

    Empty if there is no such run, or not even its first line.
    """
    if not path.exists():
        return []
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
    return list(read(path)) if path.stat().st_size else []


def require_same_run(old: Record, new: Record, path: Path) -> None:
    """Raise ContentError unless a run can be resumed: same suite, cases, versions, machine and options."""
    for key in ("suite", "case_set", "machine", "adapters", "missing", "deviations", "options"):
        if old.get(key) != new[key]:
            raise ContentError(
                path, "line 1", f"it was begun with other {key.replace('_', ' ')}", "leave out --resume to begin anew"
            )


def read(path: Path) -> Iterator[Record]:
    """The records of a file (plain or .gz), the run first. An unfinished last line, as a kill leaves it, is dropped.

    Raises ContentError for anything else that is not a results file.
    """
    try:
        lines = _lines(path)
    except OSError as error:
        raise ContentError(
            path, "file", f"cannot be read ({error.strerror or error})", "name a results.jsonl"
        ) from None
    kind = "run"
    for number, line in enumerate(lines, 1):
        try:
            record = _DECODER.decode(line)
        except (ValueError, RecursionError):
            if number == len(lines) and not line.endswith("\n"):
                return
            raise ContentError(path, f"line {number}", "it is not JSON", "each line is one JSON object") from None
        _check(record, kind, path, number)
        kind = "check"
        yield record
    if kind == "run":
        raise ContentError(path, "file", "it holds no run", "the first line describes the run")


def _lines(path: Path) -> list[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="replace") as file:
        return list(file)


def _check(record: Any, kind: str, path: Path, number: int) -> None:
    # The full schema on every line would take longer than the run that wrote them.
    if kind == "check" and isinstance(record, dict) and (needed := EXTRA.get(str(record.get("record")))):
        if any(key not in record for key in needed) or not isinstance(record.get("subject", {}), dict):
            validate(record, "result", path, f"line {number}: ")
        return
    good = isinstance(record, dict) and record.get("record") == kind
    if kind == "check" and good:
        subject = record.get("subject")
        good = isinstance(subject, dict) and all(isinstance(subject.get(name), str) for name in _SUBJECT)
        good = good and all(isinstance(record.get(key), str) for key in ("clause", "level", "case", "outcome"))
        good = good and isinstance(record.get("expected"), bool)
    if not good:
        validate(record, "result", path, f"line {number}: ")
        raise ContentError(path, f"line {number}", f"it is not a {kind} record", "the run comes first, then checks")


def _number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return round(value, 6) if isinstance(value, float) and abs(value) < 1e6 else value


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


# json.loads would build one for each line.
_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

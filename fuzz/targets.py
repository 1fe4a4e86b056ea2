"""What is put to hostile input: the three readers, and everything that follows them.

An input's first byte says what it is: its lowest two bits the reader, the others which of the steps that follow is
done. What takes long (a page: 20 ms) is done for few inputs, or a million would take a day.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from conformance.arithmetic.dtype import DTYPES
from conformance.errors import UsageError
from conformance.golden import case, collection
from conformance.golden.grid import packed
from conformance.records import ledger, record, versions
from conformance.records.record import Record
from conformance.report import (
    accuracy,
    badge,
    causes,
    compare,
    curves,
    findings,
    history,
    markdown,
    page,
    port,
    standing,
)
from conformance.report.merge import Merged, merge
from conformance.spec.outcome import Conforms, Crashed, Deviates, Outcome
from conformance.storage import content, intake
from conformance.subjects.subject import Subject
from conformance.verbs import draft
from fuzz import hostile
from tests import runs

RECORDS, LEDGER, CASE, PACKED = range(4)
SEALED = COMPRESSED = 4  # a flag: the case's hash is made right, or the run is compressed here
RENDERED = 0xF8  # all of these bits: the pages are made as well
CASES = Path("cases")
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
_OUTCOMES: tuple[Outcome, ...] = (Conforms(), Deviates("nan", ""), Deviates("lost-tail", ""), Crashed(""))
_SUBJECTS = tuple(Subject("a", "bce", version, "eager", "cpu", "float32") for version in ("2.3", "nightly"))


def put(data: bytes) -> str:
    """Put one input; returns 'accepted' or the refusal. Anything that is raised is a bug, and so is a long refusal."""
    flag, body = (data[0], data[1:]) if data else (0, b"")
    try:
        _READERS[flag & 3](flag, body)
    except UsageError as error:
        return hostile.told(error)
    return "accepted"


def seeds() -> list[bytes]:
    """Real files, cut short: a run with every kind of record, two ledgers, and the smaller cases."""
    head, *rest = run_text().splitlines(keepends=True)
    parts = [[each] for each in rest[2:]] + [rest[:2], rest[2:5], rest[5:]]
    found = [bytes([RECORDS | step << 3]) + head + b"".join(part) for part in parts for step in range(4)]
    found.append(bytes([RECORDS | RENDERED]) + head + rest[-2])
    found += [bytes([PACKED | COMPRESSED]) + head, bytes([PACKED]) + gzip.compress(head + rest[-1])]
    for path in filter(Path.is_file, (folder / ledger.FILE for folder in content.adapter_folders().values())):
        entries = path.read_bytes().split(b"[[deviation]]\n")
        found += [bytes([LEDGER]) + b"[[deviation]]\n" + each for each in entries[1:] if len(each) < 1200]
    for path in content.case_files():
        text = path.read_bytes()
        # One dtype's results say as much to a reader as four.
        places = [place.start() for place in re.finditer(rb"\n\[golden\.", text)]
        text = text[: places[1]] if len(places) > 1 else text
        if len(text) < 900:
            found.append(bytes([CASE | SEALED]) + text)
    return found


def clear() -> None:
    """Forget what the engine keeps as long as a process lives."""
    for cached in (
        case._rounded,
        case._exact,
        case.Case._indices,
        ledger._any_of,
        versions._within,
        ledger.Ledger._near,
    ):
        cached.cache_clear()


def run_text() -> bytes:
    """A short run with every kind of record."""
    checks = [
        runs.check(),
        runs.conforming("values/two"),
        runs.check("reductions/one", "R1", "must"),
        {**runs.check("values/three"), "expected": False, "note": "changed", "detail": "it gave nothing"},
        runs.speed(),
        runs.sweep(),
    ]
    grid, *measured = runs.curves()
    short = intake.json_value(json.dumps(grid).encode())
    # Two labels and one logit make lines that a mutation finds its way in.
    one, two = packed(np.array([1.0])), packed(np.array([0.0, 1.0]))
    exact = {"hi": two, "lo": two, "exponent": "AAAAAA=="}
    short |= {"logits": one, "labels": two, "loss": exact, "gradient": exact}
    for curve in measured:
        curve |= {"labels": 2, "values": "AACAPwAAAAA="}
    lines = [runs.head(), runs.implementation(), runs.case(), short, *measured, *checks]
    return "".join(record.line(each) + "\n" for each in lines).encode()


def _records(flag: int, body: bytes) -> None:
    path = Path("results.jsonl")
    _follow(flag, list(record.records(intake.limited(io.BytesIO(body), path), path)))


def _packed(flag: int, body: bytes) -> None:
    path = _FOLDER / "results.jsonl.gz"
    path.write_bytes(gzip.compress(body, 1) if flag & COMPRESSED else body)
    _follow(flag, list(record.read(path)))


def _follow(flag: int, found: list[Record]) -> None:
    merged = merge([_REFERENCE, found])
    for step in _STEPS if flag & RENDERED == RENDERED else _STEPS[flag >> 3 & 3 : 4 : 4]:
        step(merged, found)


def _told(merged: Merged, _: list[Record]) -> None:
    markdown.table(merged), badge.badge(merged), findings.text(merged, "runs"), accuracy.text(merged, "runs")
    "".join(record.line(each) for each in merged.records())


def _compared(_: Merged, found: list[Record]) -> None:
    for old, new in ((_REFERENCE, found), (found, _REFERENCE)):
        compare.markdown(compare.compare(old, new))


def _dated(_: Merged, found: list[Record]) -> None:
    history.data(history.history([found, _REFERENCE]))
    draft.ledger_text(found, "a", _FOLDER / "none.toml")


def _measured(merged: Merged, _: list[Record]) -> None:
    if merged.curves:
        grids = curves.lattices(merged)
        measured = list(curves.samples(merged, grids))
        port.port(merged, standing.standing(merged), causes.causes(merged), grids, measured)


def _rendered(merged: Merged, found: list[Record]) -> None:
    page.render(merged).encode()
    page.write_comparison(compare.compare(_REFERENCE, found), _FOLDER / "compare.html")
    page.write_history(history.history([found]), _FOLDER / "history.html")


def _ledger(flag: int, body: bytes) -> None:
    path = _FOLDER / "deviations.toml"
    path.write_bytes(body)
    known = ledger.load(path)
    known.texts()
    for subject in _SUBJECTS:
        for outcome in _OUTCOMES:
            known.judge(subject, "V3", "values/tail-17", outcome)
    if flag & 128:
        draft.ledger_text(_REFERENCE, "a", path)


def _case(flag: int, body: bytes) -> None:
    path = _FOLDER / "values" / "scratch.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(hostile.resealed(body, collection.seal) if flag & SEALED else body)
    it = collection.load(path, _FOLDER)
    if it.drawn:
        return
    assert isinstance(it.shape, tuple)
    assert {it.elementwise, it.finite, it.hard_labels} <= {True, False}
    for dtype in (DTYPES[name] for name in it.dtypes if it.mismatch != "raise"):
        assert all(len(element) == len(case.OPERANDS) for element in it.elements(dtype))
        if dtype.name in it.golden or flag & 128:
            for quantity in collection.QUANTITIES[it.argument][flag >> 5 & 3 :: 4]:
                it.exact(quantity, dtype)
                it.reals(quantity, dtype)


mutated = hostile.mutated
_REFERENCE = [json.loads(each) for each in run_text().decode().splitlines()]
_READERS: tuple[Callable[[int, bytes], Iterable[None] | None], ...] = (_records, _ledger, _case, _packed)
_STEPS: tuple[Callable[[Merged, list[Record]], None], ...] = (_told, _compared, _dated, _measured, _rendered)

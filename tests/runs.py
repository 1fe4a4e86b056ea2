"""Small runs for tests: a run's first line, checks, curves, and a file of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from conformance import operator
from conformance.arithmetic.dtype import DTYPES
from conformance.golden.grid import grid, grid_record, packed
from conformance.records import record
from conformance.records.ledger import Finding
from conformance.spec.outcome import Conforms, Deviates, Outcome, Worst
from conformance.subjects.subject import Subject

SUBJECT = Subject("a", "bce", "1.0", "eager", "cpu", "float32")
WORST = Worst(3, "0x1.1p+4", "0x1p+0", "0x0p+0", "0x1.639e31p-25", 8388608.0, 0.5)


def head(**changes: Any) -> record.Record:
    """A run's first line."""
    adapters = {"a": {"versions": {"a": "1.0"}, "devices": ["cpu"], "threads": 1}}
    deviations = {"a": {"tail": {"reason": "It cancels.", "harm": "No gradient.", "link": "https://example.org/1"}}}
    return {**record.run_record(adapters, {}, deviations, {}, "2026-01-01T00:00:00+00:00"), **changes}


def check(
    case: str = "values/one", clause: str = "V3", level: str = "should", outcome: Outcome | None = None, **changes: Any
) -> record.Record:
    """A check: a known lost tail, unless another outcome is given."""
    outcome = outcome or Deviates("lost-tail", "the tail is gone", {"elements": 4, "max_result_ulp": 8388608.0}, WORST)
    finding = Finding(True, "tail" if isinstance(outcome, Deviates) else "")
    subject = dataclasses.replace(SUBJECT, **changes)
    script = "x = 0.0\nprint(x)  # got 0.0, exact 1.0" if isinstance(outcome, Deviates) else ""
    return record.check_record(subject, clause, level, case, outcome, finding, script)


def conforming(case: str = "values/one", clause: str = "V3", level: str = "should", **changes: Any) -> record.Record:
    """A check that holds."""
    return check(case, clause, level, Conforms({"elements": 4, "max_result_ulp": 0.5}, WORST), **changes)


def case(name: str = "values/one", **changes: Any) -> record.Record:
    """A case record."""
    return {
        "record": "case", "case": name, "hash": "0" * 16, "idea": "One idea", "source": "https://example.org/2",
        "links": [], "clauses": ["V3"], "flags": ["saturated-tail"], "settings": {},
        "input": {"logits": ["17"], "labels": ["1"]},
        "exact": {"float32": {"loss": ["0x1p-25"], "gradient": ["-0x1p-25"]}},
        **changes,
    }  # fmt: skip


def implementation(**changes: Any) -> record.Record:
    """An implementation record."""
    return {
        "record": "implementation", "adapter": "a", "implementation": "bce", "target": "a.bce", "documentation": "",
        "labels": "soft", "broadcasts": False, "keywords": ["weight"], "reductions": {"none": "", "mean": "numel"},
        "calls": {"none": "a.bce(x, z)", "mean": "a.bce(x, z).mean()"}, "weighted_call": "", "note": "",
        **changes,
    }  # fmt: skip


def curves(factor: float = 1.0, **changes: Any) -> list[record.Record]:
    """A grid, and the exact curves of a subject, multiplied."""
    subject = dataclasses.replace(SUBJECT, **changes)
    dtype = DTYPES[subject.dtype]
    x, z = grid(dtype).elements(7)
    values = {"loss": operator.loss(x, z) * factor, "gradient": operator.gradient(x, z) * factor}
    return [
        grid_record(dtype),
        *(
            {
                "record": "curve", "subject": dataclasses.asdict(subject), "quantity": name, "labels": 7,
                "result_dtype": dtype.name, "values": packed(each.astype(np.float32)),
            }
            for name, each in values.items()
        ),
    ]  # fmt: skip


def speed(seconds: float = 1.0, **changes: Any) -> record.Record:
    """A speed record."""
    return {
        "record": "speed", "subject": vars(SUBJECT), "workload": "backward-mean-pixels-2^20", "pass": "backward",
        "reduction": "mean", "elements": 1 << 20, "fewest_bytes": 12 << 20, "median": seconds, "low": 0.95 * seconds,
        "high": 1.2 * seconds, "samples": [0.95 * seconds, seconds, 1.2 * seconds], "calls": 1, "first_call": 2.0,
        "peak_memory": 1 << 22, "threads": 2, "busy": 1.9, "yardstick": {"copy": 1e10, "add": 1.2e10},
        "of_bandwidth": 0.1, **changes,
    }  # fmt: skip


def sweep(lost: int = 3, worst: float = 1.5, **changes: Any) -> record.Record:
    """A sweep record of a float16 loss, of which some results are lost."""
    witness = {"ulp": worst, "logit": "0xc540", "label": "0x0000", "got": "0x2000"}
    region = {"class": "lost", "logits": "negative", "first": "0xc5d5", "last": "0xc8da", "worst": witness}
    counts = {"<=0.5": 65533 - lost, "<=1": 2, "nan": 1} | ({"lost": lost} if lost else {})
    found = {
        "quantity": "loss", "label": "0", "limit_ulp": 4.0, "elements": 65536, "counts": counts, "balls": 1,
        "worst": witness, "regions": [region] if lost else [], "curve": {"0x0000": 0.5, "0x3c00": 1.0, "0xbc00": worst},
    }  # fmt: skip
    return {
        "record": "sweep", "subject": {**vars(SUBJECT), "dtype": "float16"},
        "options": {"quantities": ["loss"], "labels": "0"}, "complete": True, "found": [found], "unexpected": [],
        "hash": {"loss": f"{lost}-{worst}"}, **changes,
    }  # fmt: skip


def ports(text: str = "") -> list[record.Record]:
    """A port recipe, a source and a trial, with the text in each of their texts."""
    named = {"adapter": "a" + text, "implementation": "bce" + text}
    return [
        {
            "record": "port", "subject": {**vars(SUBJECT), **named}, "shape": "multilabel", "features": [],
            "code": f"def loss_of(x, z): return 0  # {text}", "loss": "0x1p+0", "exact": "0x1p+0",
            "gradient": packed(np.zeros(2, np.float32)), "gradient_error": 0.0,
        },
        {"record": "source", **named, "deviations": ["tail" + text], "modes": [], "told": text, "place": text}
        | {"url": text},
        {"record": "trial", **named, "name": "mask", "code": text, "printed": "[nan, 1.0] [0.0, 1.0]" + text},
    ]  # fmt: skip


def written(path: Path, *records: record.Record) -> Path:
    """A results file."""
    writer = record.Writer(path)
    for each in records:
        writer.write(record.line(each))
    writer.close()
    return path

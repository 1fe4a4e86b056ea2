"""ACCURACY.md: what of a sweep it tells, and what it does not claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.__main__ import main
from conformance.records import record
from conformance.report import accuracy, swept
from conformance.report.merge import merge
from conformance.report.sweeps import rows
from tests import runs


def worst(**changes: Any) -> str:
    """What the table says of a sweep with one region."""
    each = runs.sweep(lost=0)
    region = {"class": "lost", "logits": "negative", "first": "0xc5d5", "last": "0xc8da"}
    witness = {**each["found"][0]["worst"], "ulp": changes.pop("ulp", 0.0)}
    each["found"][0]["regions"] = [{**region, "worst": witness, **changes}]
    return swept.worst(rows(merge([[runs.head(), each]]))[0])


def test_the_largest_error_is_that_of_what_is_lost_too() -> None:
    """And says so; what is flushed to zero is no distance."""
    assert worst(ulp=0.0) == "1.5, lost"
    assert worst(ulp=2000.0) == "2000, lost"
    assert worst(**{"class": "flushed"}, ulp=2000.0) == "1.5"


@pytest.mark.parametrize(("kind", "word"), [("nan", "NaN"), ("overflow", "inf"), ("wrong-sign", "wrong sign")])
def test_what_is_no_number_at_a_finite_logit_is_a_word(kind: str, word: str) -> None:
    """At infinite logits, and at NaN, it leaves the largest error of the others alone."""
    assert worst(**{"class": kind}) == word
    assert worst(**{"class": kind}, first="0xfc00", last="0xfc00") == "1.5"
    assert worst(**{"class": kind}, first="0xfc01", last="0xffff") == "1.5"
    assert worst(**{"class": kind}, first="0xfbff", last="0xfc00") == word


@pytest.mark.parametrize(("ulp", "told"), [(0.5, "0.5"), (0.5000001, "0.501"), (2.966, "2.97"), (16777215.5, "1.68e7")])
def test_no_error_is_told_smaller_than_it_is(ulp: float, told: str) -> None:
    """Correct rounding alone is 0.5."""
    (row,) = rows(merge([[runs.head(), runs.sweep(lost=0, worst=ulp)]]))

    assert swept.worst(row) == told


def test_a_lower_bound_is_told_no_larger_than_it_is() -> None:
    """What was searched has no counts."""
    each = runs.sweep(lost=0, worst=2.966)
    each["found"][0]["counts"] = {}

    assert swept.worst(rows(merge([[runs.head(), each]]))[0]) == "≥ 2.96"


def test_modes_stand_together_if_they_returned_the_same_bits() -> None:
    """And only then: equal errors are not enough."""

    def of(mode: str, bits: str) -> record.Record:
        each = runs.sweep(hash={"loss": bits})
        return {**each, "subject": {**each["subject"], "mode": mode}}

    found = swept.swept(merge([[runs.head(), of("eager", "1"), of("graph", "1"), of("xla", "2")]]))

    assert [each.modes for each in found] == [("eager", "graph"), ("xla",)]
    assert [each.number for each in found] == [1, 2]


def test_an_unfinished_sweep_claims_nothing() -> None:
    """Not even of what was counted."""
    assert swept.swept(merge([[runs.head(), runs.sweep(complete=False)]])) == []


def test_each_has_the_command_that_counts_it_again() -> None:
    """In the version that was judged, without what a build adds to it; with what was asked for."""
    each = runs.sweep()
    subject = {**each["subject"], "version": "2.1.0+cpu", "implementation": "a (b)"}
    (found,) = swept.swept(merge([[runs.head(), {**each, "subject": subject}]]))

    assert list(found.commands) == [
        "python -m conformance sweep --adapter a==2.1.0 --implementation 'a (b)' --mode eager --device cpu "
        "--dtype float16 --labels 0 --quantity loss"
    ]


def test_what_a_framework_states_of_a_dtype_stands_beside_it() -> None:
    """The rest stands at the end, and none of it twice."""
    said = {"of": "exp", "says": "1 ULP", "url": "https://example.org/3", "read": "2026-01-01"}
    facts = {**runs.head()["adapters"]["a"], "title": "Aleph, Beth"}
    stated = [{**said, "dtypes": ["float16"]}, {**said, "of": "log"}]
    head = runs.head(adapters={"a": {**facts, "states": stated}})
    told = accuracy.text(merge([[head, runs.sweep()]]), "RUN")
    before, _, after = told.partition("## What the frameworks state")

    assert "Aleph states of exp: 1 ULP ([documentation](https://example.org/3), read 2026-01-01)" in before
    assert "| Aleph, Beth | log | 1 ULP |" in after
    assert told.count("1 ULP") == 2
    assert "| Aleph 1.0: `bce` | eager | cpu | 1.5, lost | [1](#c1) |" in before


def test_a_report_writes_what_it_was_asked_for_and_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a page; asked for nothing it says what there is."""
    path = runs.written(tmp_path / "results.jsonl", runs.head(), runs.sweep())

    assert main(["report", str(path), "--accuracy", str(tmp_path / "A.md")]) == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["A.md", "results.jsonl"]
    assert main(["report", str(path)]) == 2
    assert "--accuracy, --findings" in capsys.readouterr().err

"""results.jsonl: what is written is read back, and what is not a results file is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.errors import ContentError
from conformance.records import record
from conformance.records.ledger import Finding
from conformance.report import page
from conformance.spec.outcome import Deviates, Worst
from conformance.storage.schema import validate
from conformance.subjects.subject import Subject
from tests.runs import head, written

SUBJECT = Subject("a", "bce", "1.0", "eager", "cpu", "float32")


def run(**changes: Any) -> record.Record:
    """A run's first line."""
    return {
        **record.run_record(
            {"a": {"versions": {"a": "1.0"}, "devices": ["cpu"], "threads": 1}}, {}, {}, {}, "2026-01-01"
        ),
        **changes,
    }


def check(case: str = "values/one") -> record.Record:
    """A check with everything that a check may have."""
    worst = Worst(3, "0x1p+0", "0x0p+0", "nan", "0x1p-1", float("inf"), 2.0)
    outcome = Deviates("nan", "it is NaN", {"elements": 4, "share": 0.25}, worst)
    return record.check_record(
        SUBJECT, "V3", "should", case, outcome, Finding(False, "", "not in the ledger"), "print(1)"
    )


def test_what_is_written_is_valid_and_read_back(tmp_path: Path) -> None:
    """Infinite measures included; the schema holds every line."""
    records = [run(), check()]
    path = written(tmp_path / "results.jsonl", *records)

    assert list(record.read(path)) == records
    for each in records:
        validate(each, "result", path)
    assert records[1]["worst"]["result_ulp"] == "inf"


def test_a_kill_in_the_middle_of_a_line_loses_that_line_only(tmp_path: Path) -> None:
    """Every prefix of the file is readable once the first line is whole."""
    path = written(tmp_path / "results.jsonl", run(), check(), check("values/two"))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole), 37):
        path.write_bytes(whole[:end])
        assert 1 <= len(list(record.read(path))) <= 3


def test_an_earlier_run_in_the_same_folder_is_kept(tmp_path: Path) -> None:
    """As results.previous.jsonl."""
    written(tmp_path / "results.jsonl", run(started="first"))
    written(tmp_path / "results.jsonl", run(started="second"))

    assert next(record.read(tmp_path / "results.previous.jsonl"))["started"] == "first"


def test_compressed_results_are_read(tmp_path: Path) -> None:
    """By their suffix."""
    path = tmp_path / "results.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(run()).encode() + b"\n"))

    assert next(record.read(path))["record"] == "run"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it holds no run; the first line describes the run"),
        ("{}\n", "line 1: top level: 'record' is a required property"),
        ("nonsense\n{}\n", "line 1: it is not JSON"),
        ("[1]\n", "line 1: top level: [1] is not of type 'object'"),
        ('{"record": "check"}\n', "line 1:"),
        (json.dumps(run()) + '\n{"record": "check", "subject": 3}\n', "line 2:"),
        (json.dumps(run()) + '\n{"record": "party"}\n\n', "line 2: it is no record"),
        ('{"record": "run"}\n', "line 1: top level: 'format' is a required property"),
        ('{"record": "run", "x": NaN}\n\n', "line 1: it is not JSON"),
        ("[" * 100_000 + "\n\n", "line 1: it is not JSON"),
    ],
)
def test_what_is_not_a_results_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    """With the line's number."""
    path = tmp_path / "results.jsonl"
    path.write_text(text)

    with pytest.raises(ContentError) as caught:
        list(record.read(path))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """By name."""
    with pytest.raises(ContentError, match="cannot be read"):
        list(record.read(tmp_path / "nowhere.jsonl"))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_content_makes_the_reader_fall_over(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """It reads, or says one line."""
    path = tmp_path_factory.mktemp("fuzz") / "results.jsonl"
    path.write_bytes(data)
    try:
        list(record.read(path))
    except ContentError as error:
        assert "\n" not in str(error)


def test_runs_merge_and_the_later_check_counts() -> None:
    """Once for each subject, clause and case."""
    first = [run(started="2026-01-01"), check()]
    second = [
        run(started="2026-01-02"),
        {**check(), "outcome": "conforms", "signature": "", "expected": True},
        check("values/two"),
    ]
    merged = page.merge([second, first])

    assert [each["outcome"] for each in merged.checks] == ["conforms", "deviates"]
    assert merged.replaced == 1


def test_a_file_appears_with_its_first_line(tmp_path: Path) -> None:
    """Killed before that, a run leaves none; killed after it, one that can be read."""
    path = tmp_path / "results.jsonl"
    writer = record.Writer(path)
    assert not path.exists()
    writer.write(record.line(head()))
    assert len(list(record.read(path))) == 1
    writer.close()

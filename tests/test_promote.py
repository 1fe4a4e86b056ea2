"""What random search finds becomes a proven case."""

from __future__ import annotations

from pathlib import Path

from conformance.golden import prove
from conformance.golden.collection import load
from conformance.records import record
from conformance.verbs.promote import finds, write
from tests.command import conformance

LAWS = ("run", "--adapter", "numpy", "--implementation", "textbook formula", "--clause", "L[13]", "--seed", "5")


def test_a_find_is_a_case_that_fails_what_it_was_found_with(tmp_path: Path) -> None:
    """Found with a seed in a strict run, promoted, proven; its element is the one that broke the law."""
    run = conformance(*LAWS, "--dtype", "float32", "--strict", "--out", str(tmp_path / "out"))
    assert run.returncode == 1
    results = tmp_path / "out" / "results.jsonl"
    promoted = conformance("promote", str(results), "--out", str(tmp_path / "cases"))
    assert promoted.returncode == 0, promoted.stderr

    found = finds(record.read(results))
    assert found
    for find in found:
        path = tmp_path / "cases" / find.path
        case = load(path, tmp_path / "cases")
        assert prove.is_proven(path, tmp_path / "cases")
        assert case.dtypes == ("float32",)
        assert "seed 5" in case.source
        assert case.texts["logits"].tolist() == [find.logit]
    assert f"{len(found)} new cases proven" in promoted.stdout


def test_promoting_twice_adds_nothing(tmp_path: Path) -> None:
    """A case that exists is left alone; the same element of two dtypes is one case."""
    conformance(*LAWS, "--strict", "--out", str(tmp_path / "out"))
    found = finds(record.read(tmp_path / "out" / "results.jsonl"))

    assert len({find.path for find in found}) == len(found)
    assert len(list(write(found, tmp_path))) == len(found)
    assert list(write(found, tmp_path)) == []


def test_what_the_ledger_lists_is_promoted_on_demand_only(tmp_path: Path) -> None:
    """--all."""
    conformance(*LAWS, "--dtype", "float32", "--out", str(tmp_path / "out"))
    records = list(record.read(tmp_path / "out" / "results.jsonl"))

    assert finds(records) == []
    assert finds(records, expected=True) != []

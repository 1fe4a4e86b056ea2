"""Where a run reads and writes: paths of one's own file, its neighbours and its ledger; --out, and who holds it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from conformance.errors import UsageError
from conformance.records import record
from conformance.records.ledger import loads
from conformance.spec.outcome import Deviates
from conformance.storage import files
from conformance.subjects.subject import Subject
from conformance.subjects.target import canonical
from tests.command import conformance
from tests.runs import check, head, written

SMALL = ("run", "--adapter", "numpy", "--dtype", "float32", "--clause", "V[37]", "--out", "out")
OWN = """
import numpy as np
from helper import tail

def bad(logits, labels):
    return np.maximum(logits, 0) - logits * labels + tail(logits)
"""
HELPER = """
import numpy as np

def tail(logits):
    return np.log(1 + np.exp(-np.abs(logits)))
"""
LISTED = """
[[deviation]]
id = "tail"
reason = "The tail cancels against one."
harm = "There is no loss there any more."
[[deviation.where]]
signature = "lost-tail"
implementations = ["{}"]
clauses = ["V3"]
modes = ["eager"]
devices = ["cpu"]
dtypes = ["float32"]
cases = ["*"]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a file and what it imports from beside it."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "loss.py").write_text(OWN)
    (folder / "helper.py").write_text(HELPER)
    return folder


def test_a_file_imports_its_neighbours_and_its_ledger_knows_it_by_any_path(own: Path) -> None:
    """However it is typed; and that nobody has written a reason is said as long as it is so."""
    first = conformance(*SMALL, "--implementation", "loss.py:bad", cwd=own)
    assert first.returncode == 1, first.stderr
    (run,) = (each for each in record.read(own / "out" / "results.jsonl") if each["record"] == "run")
    assert any(name.endswith("helper.py") for name in run["sources"])
    assert str(own) not in sys.path
    assert conformance("ledger", "out/results.jsonl", "--out", "known.toml", cwd=own).returncode == 0

    for typed in ("./loss.py:bad", f"{own}/loss.py:bad"):
        again = conformance(*SMALL, "--implementation", typed, "--ledger", "known.toml", cwd=own)
        assert again.returncode == 0, again.stdout
        assert "no reason yet: 'unexplained' in known.toml excuses 12 checks" in again.stdout

    ledger = own / "known.toml"
    ledger.write_text(
        ledger.read_text().replace("Nobody has looked into this yet: write a reason.", "The tail cancels against one.")
    )
    reasoned = conformance(*SMALL, "--implementation", "own/loss.py:bad", "--ledger", ledger.name, cwd=own)
    assert "no file 'own/loss.py'" in reasoned.stderr
    reasoned = conformance(*SMALL, "--implementation", "own/loss.py:bad", "--ledger", "own/known.toml", cwd=own.parent)
    assert reasoned.returncode == 0, reasoned.stdout
    assert "no reason yet" not in reasoned.stdout


@pytest.mark.parametrize(
    ("listed", "typed", "same"),
    [
        ("loss.py:bad", "./loss.py:bad", True),
        ("loss.py:bad", "{folder}/loss.py:bad", True),
        ("{folder}/loss.py:bad", "loss.py:bad", True),
        ("loss.py:bad", "loss.py:good", False),
        ("loss.py:*", "./loss.py:good", True),
        ("loss.py:bad", "other/loss.py:bad", False),
        ("odd[1]/loss.py:bad", "odd[1]/loss.py:bad", True),
        ("b*", "bce", True),
        ("package.module:f", "package.module:f", True),
    ],
)
def test_a_ledger_matches_a_file_by_its_resolved_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, typed: str, same: bool
) -> None:
    """And other names as they are."""
    monkeypatch.chdir(tmp_path)
    ledger = loads(LISTED.format(listed.format(folder=tmp_path)), Path("known.toml"))
    subject = Subject("a", typed.format(folder=tmp_path), "1.0", "eager", "cpu", "float32")

    assert ledger.judge(subject, "V3", "values/one", Deviates("lost-tail", "")).expected is same


def test_a_target_is_resolved_from_where_the_process_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of modules and of functions are not paths."""
    monkeypatch.chdir(tmp_path)

    assert canonical("a/../loss.py:f") == f"{tmp_path.resolve()}/loss.py:f"
    assert canonical("package.module:f") == "package.module:f"
    assert canonical("bce") == "bce"


def test_a_file_without_a_function_is_told_how_to_name_one(own: Path) -> None:
    """Rather than that such an implementation is not known."""
    result = conformance(*SMALL, "--implementation", "loss.py", cwd=own)

    assert result.returncode == 2
    assert result.stderr == (
        "conformance: error: --implementation loss.py: it names a file and no function; write loss.py:function\n"
    )


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/nowhere"])
@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_place_that_cannot_be_written_to_is_refused_in_one_line(own: Path, out: str) -> None:
    """Before anything is judged; no traceback, and the report says it alike."""
    (own / "file").write_text("mine")
    results = written(own / "results.jsonl", head(), check())
    arguments = (*SMALL[:-1], out, "--implementation", "loss.py:bad")
    for result in (
        conformance(*arguments, cwd=own),
        conformance("report", str(results), "--out", f"{out}/page.html", cwd=own),
    ):
        assert result.returncode == 2, result.stdout
        assert result.stderr.startswith(f"conformance: error: {out}"), result.stderr
        assert "cannot be written: " in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert "Traceback" not in result.stdout + result.stderr
        assert "cannot be written" not in result.stdout
    assert (own / "file").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_is_read_only_keeps_what_it_has(tmp_path: Path) -> None:
    """The file that stood there stands there, whole."""
    (tmp_path / "page.html").write_text("before")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match="cannot be written: Permission denied"):
            files.write(tmp_path / "page.html", "after")
    finally:
        tmp_path.chmod(0o700)
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full half way leaves the old file, and nothing beside it."""
    path = tmp_path / "page.html"
    files.write(path, "before")

    def half(self: Path, text: str, encoding: str) -> None:
        self.write_bytes(text[: len(text) // 2].encode(encoding))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(UsageError, match=r"page\.html: cannot be written: No space left on device"):
        files.write(path, "after")
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/stdout")
def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """A pipe, say; and a link stays a link."""
    files.write(Path("/dev/null"), "gone")
    assert not Path("/dev/null").is_file()
    (tmp_path / "link").symlink_to("target")
    files.write(tmp_path / "link", "text")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "text"


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_two_runs_into_one_folder_are_one_too_many(own: Path) -> None:
    """The second says who is there; what a dead process left holds nobody up."""
    (own / "out").mkdir()
    (own / "out" / files.LOCK).write_text("1\n")
    lock = files.Lock(own / "out")
    refused = conformance(*SMALL, "--implementation", "loss.py:bad", cwd=own)

    assert refused.returncode == 2
    assert refused.stderr == (
        f"conformance: error: out: process {os.getpid()} is writing there; wait until it has ended, or name another"
        " --out\n"
    )
    assert not (own / "out" / "results.jsonl").exists()
    lock.release()
    assert conformance(*SMALL, "--implementation", "loss.py:bad", cwd=own).returncode == 1
    assert not (own / "out" / files.LOCK).exists()

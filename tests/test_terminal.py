"""What the author of a kernel sees on the terminal: no framework's warnings, a table that fits, causes in words."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from conformance.golden import quick
from conformance.records import record
from conformance.spec.outcome import Crashed, Deviates, Errored, Worst
from conformance.terminal import complaint
from conformance.terminal.closing import Closing
from conformance.terminal.summary import Summary
from tests.command import ROOT, command, conformance, environment, interruptible
from tests.runs import check, conforming

OWN = """
import numpy as np
import warnings

def bad(logits, labels, *, reduction="none"):
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-logits.astype(np.float64))).astype(logits.dtype)
        loss = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    return {"none": lambda: loss, "sum": loss.sum, "mean": loss.mean}[reduction]()

def mean(logits, labels):
    return np.mean(np.maximum(logits, 0) - logits * labels + np.log1p(np.exp(-np.abs(logits))))
"""
WIDE = 120


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file with wrong implementations."""
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def unexpected(**changes: object) -> record.Record:
    """A check that the ledger does not list."""
    return {**check(), "expected": False, "note": "not in the ledger", **changes}


def deviating(clause: str, level: str, signature: str, case: str = "values/one", **subject: str) -> record.Record:
    """An unexpected deviation with its worst element."""
    worst = Worst(0, "0x1.1p+4", "0x1p+0", "nan", "0x1.639e31p-25", float("inf"), float("inf"))
    found = check(case, clause, level, Deviates(signature, "", {}, worst), **subject)
    return {**found, "expected": False, "note": "not in the ledger"}


def run(own: Path, name: str, *arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """A run of one function of the file, on a terminal of some width."""
    return subprocess.run(
        command("run", "--adapter", "numpy", "--implementation", f"own.py:{name}", "--out", "out", *arguments),
        capture_output=True, text=True, check=False, cwd=own.parent,
        env={**environment(), "COLUMNS": str(columns)},
    )  # fmt: skip


def test_a_framework_s_warnings_are_not_the_first_thing_that_is_seen(tmp_path: Path) -> None:
    """torch deprecates functions of its own as it imports them."""
    choice = ("--dtype", "float32", "--clause", "V7", "--implementation", "binary_cross_entropy_with_logits")
    result = conformance("run", "--adapter", "pytorch", *choice, "--out", str(tmp_path))

    assert (result.returncode, result.stderr) == (0, ""), result.stdout


@pytest.mark.parametrize("name", ["bad", "mean"])
def test_a_wrong_function_is_told_in_words_in_two_screens(own: Path, name: str) -> None:
    """Causes with an example and the commands that come next; nothing of pytest's follows."""
    result = run(own, name, "--dtype", "float32")
    lines = result.stdout.splitlines()

    assert result.returncode == 1, result.stderr
    assert len(lines) < 60, result.stdout
    assert not any(line.startswith(("FAILED", "E  ", "  subject")) for line in lines)
    assert "failed" not in lines[-1]
    assert lines[-1] == "  python -m conformance run ... --ledger known.toml"
    assert "  python -m conformance ledger out/results.jsonl --out known.toml" in lines
    assert any("--clause" in line and "--case" in line and line.endswith("--details") for line in lines)
    told = [line for line in lines if not line.startswith("  python -m")]
    assert max(map(len, told)) <= 80, max(told, key=len)


def test_a_cause_is_told_once_for_all_dtypes_and_cases(own: Path) -> None:
    """With what, which clauses, where, and one element."""
    result = run(own, "bad", "--clause", "V[12]", "--dtype", "float32", "--dtype", "float64", columns=WIDE)

    assert result.stdout.count("NaN where the exact result is a number (must V1, V2)") == 1, result.stdout
    assert "V1: Finite logits and labels in [0, 1] give a finite, non-negative loss." in result.stdout
    assert "float64, float32 (eager): " in result.stdout
    assert "got nan, exact " in result.stdout


def test_a_mean_in_place_of_losses_is_one_sentence(own: Path) -> None:
    """Whatever each check made of it."""
    result = run(own, "mean", "--dtype", "float32", columns=WIDE)
    found = [each for each in record.read(own.parent / "out" / "results.jsonl") if each["record"] == "check"]
    broken = [each for each in found if each["outcome"] in ("deviates", "errored")]

    assert "IndexError" not in result.stdout
    assert "1. returned one number where reduction='none' asks for a loss for each element, shape [" in result.stdout
    assert result.stdout.count("returned one number") == 1
    # Labels that broadcast are another matter.
    assert {each["signature"] for each in broken if each["clause"] != "S8"} == {"wrong-shape"}
    assert len(broken) > 300


def test_bare_pytest_is_as_brief(own: Path) -> None:
    """But ends with the runner's own line."""
    arguments = ("--adapter=numpy", f"--implementation={own}:bad", "--dtype=float32", "--clause=V*")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, f"--out={own.parent / 'out'}"],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**environment(), "COLUMNS": "80"},
    )  # fmt: skip

    assert result.returncode == 1
    assert "FAILED" not in result.stdout
    assert "NaN where the exact result is a number (must V1, V2" in result.stdout
    assert len(result.stdout.splitlines()) < 80
    assert " failed, " in result.stdout.splitlines()[-1]


@pytest.mark.parametrize("more", [("--details",), ("--", "-v"), ("--", "--tb=short")])
def test_the_long_form_is_there_for_whoever_asks(own: Path, more: tuple[str, ...]) -> None:
    """By the suite's flag or by pytest's own."""
    result = run(own, "bad", "--dtype", "float32", "--clause", "V1", *more)

    assert "subject  numpy:own.py:bad:eager:cpu:float32" in result.stdout


def test_causes_are_grouped_and_ordered() -> None:
    """Must before should, then the more frequent one; a derivative's derivative belongs to the derivative."""
    found = complaint.complaints(
        [
            *(deviating("V3", "should", "lost-tail", f"values/{each}") for each in range(5)),
            deviating("G1", "must", "nan"),
            deviating("G6", "must", "nan", dtype="float64"),
            deviating("V1", "must", "nan"),
            deviating("V2", "must", "nan", mode="compiled"),
            deviating("V3", "should", "nan", dtype="float16"),
        ]
    )

    assert [(str(each.level), len(each.checks), each.leading["clause"]) for each in found] == [
        ("must", 3, "V1"),
        ("must", 2, "G1"),
        ("should", 5, "V3"),
    ]
    assert found[0].head == "NaN where the exact result is a number (must V1, V2; should V3)"
    assert found[0].places == "float32, float16 (compiled, eager): 3 checks of values/one"
    assert found[1].example == "logit 17, label 1 (float32): got nan, exact 4.13993764e-08"


def test_errors_of_one_cause_are_one_whatever_their_numbers() -> None:
    """And what did not come out at all leads."""
    errors = [
        {**check(clause="V1", level="must", outcome=Errored(f"IndexError: size {size} of [{size}, 2]")),
         "expected": False, "note": "not in the ledger"}
        for size in (3, 5, 17)
    ]  # fmt: skip
    dead = {**check(outcome=Crashed("the process died of SIGSEGV")), "expected": False, "note": "not in the ledger"}
    found = complaint.complaints([deviating("V1", "must", "nan"), dead, *errors])

    assert [each.head for each in found] == [
        "IndexError: size 3 of [3, 2] (must V1)",
        "NaN where the exact result is a number (must V1)",
        "the process died of SIGSEGV (should V3)",
    ]


def test_a_crash_that_the_ledger_lists_is_expected(tmp_path: Path) -> None:
    """As any other deviation is; the table counts it."""
    closing = Closing(tmp_path)
    closing.add({**check(outcome=Crashed("the process died of SIGSEGV")), "expected": True, "deviation": "dies"})

    assert closing.unexpected == []
    assert closing.expected == {"dies": 1}


def test_what_the_ledger_lists_otherwise_is_told_in_its_words() -> None:
    """Fixed and changed ones, a cause each."""
    note = "fixed: the ledger lists 'tail' as lost-tail; take it out"
    fixed = [{**conforming(f"values/{each}"), "expected": False, "note": note} for each in range(3)]

    (found,) = complaint.complaints(fixed)
    assert found.head == f"{note} (should V3)"
    assert len(found.checks) == 3


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_table_fits_and_cuts_no_name(width: int) -> None:
    """Where it would not, a name has a line of its own."""
    summary = Summary()
    names = ["bce", "weighted_cross_entropy_with_logits", "binary_cross_entropy_with_logits"]
    for name in names:
        for level in ("must", "should", "may"):
            summary.add(conforming(level=level, implementation=name))
            summary.add(check(level=level, implementation=name))
            summary.add(unexpected(level=level, subject={**check()["subject"], "implementation": name}))
    text = io.StringIO()
    summary.print(Console(file=text, width=width))
    lines = text.getvalue().splitlines()

    assert max(map(len, lines)) <= width
    assert all(sum(f"a {name}" in line for line in lines) == 1 for name in names)
    assert not any("…" in line for line in lines)
    assert "unexpected" in text.getvalue()
    assert ("┃" in text.getvalue()) == (width == 200)


def test_a_quick_run_says_that_it_was_one(tmp_path: Path) -> None:
    """It hears a part of the cases, records no others, and measures no curves."""
    result = conformance("run", "--adapter", "numpy", "--implementation", "exact", "--dtype", "float16", "--quick",
                         "--out", str(tmp_path))  # fmt: skip
    found = list(record.read(tmp_path / "results.jsonl"))

    assert result.returncode == 0, result.stdout
    assert result.stdout.splitlines()[-1] == "this was the quick part; without --quick all of it is heard"
    assert {each["case"] for each in found if each["record"] == "case"} == set(quick.part())
    assert {each["case"] for each in found if each["record"] == "check"} <= set(quick.part())
    assert not any(each["record"] == "curve" for each in found)


def test_ctrl_c_says_how_to_go_on(own: Path) -> None:
    """In the last line, with the whole command."""
    own.write_text("import time\n\ndef slow(logits, labels):\n    time.sleep(0.5)\n    return logits * labels\n")
    arguments = ("run", "--adapter", "numpy", "--implementation", "own.py:slow", "--dtype", "float32", "--out", "out")
    begun = subprocess.Popen(
        interruptible(*arguments),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=own.parent, env=environment(),
    )  # fmt: skip
    results = own.parent / "out" / "results.jsonl"
    until = time.monotonic() + 120
    while not (results.exists() and '"record":"check"' in results.read_text()) and time.monotonic() < until:
        time.sleep(0.1)
    begun.send_signal(signal.SIGINT)
    out, err = begun.communicate(timeout=60)

    assert begun.returncode == 2, out + err
    again = "python -m conformance " + " ".join(arguments) + " --resume"
    assert out.splitlines()[-1] == f"stopped by Ctrl-C; to go on: {again}"
    assert "Traceback" not in out + err


def test_a_closing_without_a_run_says_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What was refused before it began has said so already."""
    Closing(tmp_path).say()

    assert capsys.readouterr().out == ""

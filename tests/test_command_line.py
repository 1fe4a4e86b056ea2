"""The command line, as its users run it: real runs of the NumPy control, and every kind of bad input."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import __main__ as command_line
from conformance.records import record
from tests.command import ROOT, checks, conformance, without

PUBLISHED = ROOT / "reports" / "cpu" / "results.jsonl.gz"
SMALL = ("run", "--adapter", "numpy", "--dtype", "float32", "--clause", "V[37]", "--clause", "G[23]")


def test_a_run_is_green_with_its_ledger(tmp_path: Path) -> None:
    """Exit 0, records, page; the control conforms, the textbook formula is caught as listed."""
    result = conformance("run", "--adapter", "numpy", "--out", str(tmp_path), "--", "-n", "2")

    assert result.returncode == 0, result.stdout[-3000:] + result.stderr
    found = checks(tmp_path)
    exact = [each for each in found if each["subject"]["implementation"] == "exact"]
    textbook = [each for each in found if each["subject"]["implementation"] == "textbook formula"]
    assert {each["outcome"] for each in exact} == {"conforms", "unsupported"}
    assert {each["clause"] for each in textbook if each["outcome"] == "deviates"} >= {
        "V1",
        "V2",
        "V3",
        "V4",
        "G1",
        "G4",
    }
    assert all(each["expected"] for each in found)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "textbook formula" in page
    assert "Nothing is new" in page


def test_strict_ignores_the_ledger(tmp_path: Path) -> None:
    """Exit 1, and the failure says everything that is needed."""
    result = conformance(*SMALL, "--strict", "--details", "--out", str(tmp_path))

    assert result.returncode == 1
    for part in (
        "V3 (should) The loss is within the bound",
        "subject  numpy:textbook formula:eager:cpu:float32",
        "logit 0x1",
        "result ULP",
        "allowed 10 result ULP",
        "python -m conformance run --adapter numpy",
        "numpy as np, scipy.special",
    ):
        assert part in result.stdout, part


def test_two_workers_give_the_records_of_one(tmp_path: Path) -> None:
    """And two runs give the same records."""
    for name, extra in (("one", ()), ("again", ()), ("two", ("--", "-n", "2"))):
        assert conformance(*SMALL, "--out", str(tmp_path / name), *extra).returncode == 0

    assert checks(tmp_path / "one") == checks(tmp_path / "again") == checks(tmp_path / "two")


def test_bare_pytest_runs_the_same_suite(tmp_path: Path) -> None:
    """In a clone, with the same options."""
    arguments = [each for each in SMALL if each != "run"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments, f"--out={tmp_path / 'bare'}"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-2000:]
    assert conformance(*SMALL, "--out", str(tmp_path / "own")).returncode == 0

    assert checks(tmp_path / "bare") == checks(tmp_path / "own")


def test_somebody_elses_ci_runs_the_installed_suite(own: Path, tmp_path: Path) -> None:
    """By --pyargs, in a folder of theirs; with JUnit XML, and a Markdown summary of what deviates."""
    out = tmp_path / "results"
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", "conformance", "-p", "conformance.plugin", "--adapter=numpy",
         f"--implementation={own}:bad", "--dtype=float32", "--clause=V3", f"--out={out}",
         f"--junitxml={out}/junit.xml"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    summary = conformance(
        "report", str(out / "results.jsonl"), "--out", str(out / "page.html"), "--markdown", str(out / "summary.md")
    )

    assert result.returncode == 1, result.stdout
    assert "lost-tail" in (out / "junit.xml").read_text(encoding="utf-8")
    assert summary.returncode == 0, summary.stderr
    assert "own.py:bad" in (out / "summary.md").read_text(encoding="utf-8")


def test_the_rerun_line_of_a_failure_reruns_just_this(tmp_path: Path) -> None:
    """Copied from the message to the shell."""
    failed = conformance(*SMALL, "--strict", "--details", "--out", str(tmp_path / "all")).stdout
    line = next(line for line in failed.splitlines() if line.startswith("  rerun")).split("python -m conformance ")[1]
    result = subprocess.run(
        f"{sys.executable} -m conformance {line.replace('run ', f'run --strict --out {tmp_path}/one ', 1)}",
        shell=True, capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip

    assert result.returncode == 1, result.stdout + result.stderr
    assert len({(each["clause"], each["case"]) for each in checks(tmp_path / "one")}) == 1


OWN = """
import numpy as np

def good(logits, labels):
    x, z = logits.astype(np.float64), labels.astype(np.float64)
    if x.shape != z.shape:
        raise ValueError("shapes differ")
    return (np.abs(x) * np.where(x > 0, 1 - z, z) + np.log1p(np.exp(-np.abs(x)))).astype(logits.dtype)

def bad(logits, labels):
    return np.maximum(logits, 0) - logits * labels + np.log(1 + np.exp(-np.abs(logits)))

def needy(logits, labels, *, temperature):
    return logits

def lonely(logits):
    return logits

number = 3

class Good:
    def __call__(self, logits, labels):
        return good(logits, labels)

class Configured:
    def __init__(self, scale):
        self.scale = scale

def kernel(logits, labels):
    raise RuntimeError("no device")

kernel.devices = ("gpu",)
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file with implementations of one's own."""
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def test_an_implementation_of_ones_own_is_judged(own: Path, tmp_path: Path) -> None:
    """By file, with an empty ledger: the good one passes, the bad one does not."""
    choice = ("run", "--adapter", "numpy", "--clause", "V[1237]", "--dtype", "float32", "--out", str(tmp_path / "out"))

    good = conformance(*choice, "--implementation", f"{own}:good")
    assert good.returncode == 0, good.stdout[-2000:]
    bad = conformance(*choice, "--implementation", f"{own}:bad")
    assert bad.returncode == 1
    assert "the small result is gone: zero, or wrong by half of it and more" in bad.stdout


def test_a_class_is_called_through_an_instance(own: Path, tmp_path: Path) -> None:
    """Which is judged like a function."""
    choice = ("--clause", "V[1237]", "--dtype", "float32", "--out", str(tmp_path / "out"))
    result = conformance("run", "--adapter", "numpy", "--implementation", f"{own}:Good", *choice)

    assert result.returncode == 0, result.stdout[-2000:]
    assert {each["outcome"] for each in checks(tmp_path / "out")} == {"conforms"}


def test_a_kernel_for_another_device_is_unsupported_here(own: Path, tmp_path: Path) -> None:
    """With the reason; it is not run, and nothing is called a pass."""
    choice = ("--clause", "V*", "--dtype", "float32", "--out", str(tmp_path / "out"))
    result = conformance("run", "--adapter", "numpy", "--implementation", f"{own}:kernel", *choice)

    assert result.returncode == 2, result.stdout[-2000:]
    assert {(each["outcome"], each["detail"]) for each in checks(tmp_path / "out")} == {
        ("unsupported", "it runs on gpu only")
    }


def test_ones_own_known_deviations_are_a_ledger(own: Path, tmp_path: Path) -> None:
    """Written from a run; with it the run is green, until what it lists is mended."""
    out = str(tmp_path / "out")
    choice = ("run", "--adapter", "numpy", "--clause", "V[1237]", "--dtype", "float32", "--out", out)
    bad, ledger = ("--implementation", f"{own}:bad"), ("--ledger", str(tmp_path / "known.toml"))
    assert conformance(*choice, *bad).returncode == 1
    written = conformance("ledger", f"{out}/results.jsonl", "--out", ledger[1])

    assert written.returncode == 0, written.stderr
    assert conformance(*choice, *bad, *ledger).returncode == 0
    own.write_text(own.read_text().replace("np.log(1 + np.exp(-np.abs(logits)))", "np.log1p(np.exp(-np.abs(logits)))"))
    mended = conformance(*choice, *bad, *ledger)
    assert mended.returncode == 1
    assert "fixed: the ledger lists 'unexplained'" in mended.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--adapter", "numpy", "--ledger", "known.toml"), "add --implementation FILE.py:function"),
        (
            ("run", "--adapter", "numpy", "--implementation", "OWN:good", "--ledger", "nowhere.toml"),
            "nowhere.toml: file: it does not exist",
        ),
        (
            ("run", "--adapter", "numpy", "--implementation", "OWN:Configured"),
            "the class cannot be made without arguments",
        ),
        (("run", "--adapter", "torhc"), "unknown adapter 'torhc'; known: distrax, fvcore, jax, "),
        (("run", "--adapter", "numpy", "--dtype", "float8"), "unknown dtype 'float8'; known: float64"),
        (("run", "--adapter", "numpy", "--mode", "fast"), "unknown mode 'fast'; known: eager"),
        (("run", "--adapter", "numpy", "--device", "tpu"), "unknown device 'tpu'; known: cpu, gpu"),
        (
            ("run", "--adapter", "numpy", "--device", "gpu"),
            "device 'gpu' was asked for, but the frameworks here see only cpu",
        ),
        (("run", "--adapter", "numpy", "--clause", "Q*"), "no clause matches 'Q*'"),
        (("run", "--adapter", "numpy", "--case", "q/*"), "no case matches 'q/*'"),
        (("run", "--adapter", "numpy", "--implementation", "exakt"), "unknown implementation 'exakt'; known: exact"),
        (("run", "--adapter", "numpy", "--implementation", "nowhere.py:f"), "no file 'nowhere.py'"),
        (("run", "--adapter", "numpy", "--implementation", "no.such.module:f"), "'no.such.module' does not import"),
        (
            ("run", "--adapter", "numpy", "--implementation", "OWN:missing"),
            "no callable 'missing' there; it has: good, bad",
        ),
        (("run", "--adapter", "numpy", "--implementation", "OWN:number"), "no callable 'number'"),
        (("run", "--adapter", "numpy", "--implementation", "OWN:lonely"), "cannot be called with logits and labels"),
        (("run", "--adapter", "numpy", "--implementation", "OWN:needy"), "unknown required keyword 'temperature'"),
        (("run", "--colour", "red"), "unrecognized arguments: --colour"),
        ((), "the following arguments are required: VERB"),
        (("report", "nowhere.jsonl", "--out", "x.html"), "nowhere.jsonl: file: cannot be read"),
        (("report", "OWN", "--out", "x.html"), "line 1: it is not JSON"),
        (("report", "PUBLISHED", "--out", "x.html", "--teeth", "OWN"), "own.py: file: cannot be read"),
        (("compare", "nowhere.jsonl", "PUBLISHED"), "nowhere.jsonl: file: cannot be read"),
        (("compare", "FOLDER", "PUBLISHED"), "no results.jsonl below it"),
        (("history", "nowhere.jsonl", "--out", "x.html"), "nowhere.jsonl: file: cannot be read"),
        (("reproduce", "PUBLISHED", "--adapter", "torhc"), "no deviation of 'torhc' in these runs; they have: jax"),
        (("explain", "--shape", "cube"), "invalid choice: 'cube'"),
        (("explain", "--adapter", "torhc"), "unknown adapter 'torhc'"),
        (("report", "FOLDER", "--out", "x.html"), "no results.jsonl below it"),
        (("prove", "nowhere.toml"), "nowhere.toml: not a case"),
        (("ledger", "nowhere.jsonl", "--adapter", "numpy"), "nowhere.jsonl: file: cannot be read"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    own: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """What is wrong and what would be right, no traceback; nothing recorded before is lost."""
    out = tmp_path / "out"
    if arguments[:1] == ("run",):
        out.mkdir()
        (out / "results.jsonl").write_text("recorded before\n")
        arguments = (*arguments, "--out", str(out))
    places = {"OWN": own, "FOLDER": tmp_path, "PUBLISHED": PUBLISHED}
    filled = [
        functools.reduce(lambda text, name: text.replace(name, str(places[name])), places, each) for each in arguments
    ]
    result = conformance(*filled, cwd=tmp_path)

    assert result.returncode == 2, result.stdout + result.stderr
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    if out.exists():
        assert (out / "results.jsonl").read_text() == "recorded before\n"


def test_a_framework_that_is_not_installed_is_no_data(tmp_path: Path) -> None:
    """Neither a pass nor a failure: the reason is recorded, and the page says so."""
    result = without("scipy", tmp_path, "run", "--adapter", "numpy", "--out", str(tmp_path / "out"))

    (run,) = list(record.read(tmp_path / "out" / "results.jsonl"))
    assert "no module 'scipy'" in run["missing"]["numpy"]
    assert "no data" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "Traceback" not in result.stdout + result.stderr
    assert result.returncode == 2
    assert "no pass: adapter 'numpy' was asked for and is not here: no module 'scipy'" in result.stdout
    for verb in (("list", "adapters"), ("explain", "--adapter", "numpy")):
        told = without("scipy", tmp_path, *verb)
        assert "pip install 'sigmoid-xent-conformance[numpy]'" in told.stdout
    assert "pip install 'sigmoid-xent-conformance[numpy]'" in result.stdout


def test_a_run_measures_curves_unless_it_is_a_choice_of_clauses(tmp_path: Path) -> None:
    """One grid a dtype, two curves a subject; two workers give what one gives."""
    narrow = ("run", "--adapter", "numpy", "--dtype", "float32", "--implementation", "exact")
    for name, extra in (("one", ()), ("two", ("-n", "2"))):
        done = conformance(*narrow, "--out", str(tmp_path / name), "--", "-k", "test_curve", *extra)
        assert done.returncode == 0, done.stdout + done.stderr
    one, two = (
        sorted(map(record.line, list(record.read(tmp_path / name / "results.jsonl"))[1:])) for name in ("one", "two")
    )
    kinds = [json.loads(line)["record"] for line in one]

    assert one == two
    assert (kinds.count("grid"), kinds.count("curve"), kinds.count("implementation")) == (1, 2, 1)
    assert conformance(*narrow, "--clause", "V3", "--out", str(tmp_path / "clause")).returncode == 0
    assert {each["record"] for each in record.read(tmp_path / "clause" / "results.jsonl")} == {
        "run", "implementation", "case", "check",
    }  # fmt: skip


def test_explain_shows_the_steps_in_the_framework_s_own_tensors() -> None:
    """Every shape, and one number at the end."""
    done = conformance("explain", "--shape", "pixels", "--adapter", "numpy").stdout

    assert "numpy.ndarray" in done
    assert done.count("[1, 3, 4]") == 8
    assert "│ []" in done
    assert re.search(r"-6 +-4 +-1 +0\.5 │", done), "a row of the matrix is a row at 80 columns"


def test_compare_exits_1_on_a_regression_only(tmp_path: Path) -> None:
    """And writes what it found as Markdown and as a page."""
    assert conformance(*SMALL, "--out", str(tmp_path / "old")).returncode == 0
    old = list(record.read(tmp_path / "old" / "results.jsonl"))
    broken = next(each for each in old[1:] if each["record"] == "check" and each["outcome"] == "conforms")
    broken |= {"outcome": "deviates", "signature": "nan", "expected": False, "note": "not in the ledger"}
    new = tmp_path / "new.jsonl"
    new.write_text("".join(record.line(each) + "\n" for each in old), encoding="utf-8")
    written = ("--markdown", str(tmp_path / "x.md"), "--out", str(tmp_path / "x.html"))

    worse = conformance("compare", str(tmp_path / "old"), str(new), *written)
    assert worse.returncode == 1, worse.stdout + worse.stderr
    assert "1 broken" in worse.stdout
    assert "**broken**" in (tmp_path / "x.md").read_text(encoding="utf-8")
    assert "1 regressions" in (tmp_path / "x.html").read_text(encoding="utf-8")
    assert conformance("compare", str(new), str(tmp_path / "old")).returncode == 0


def test_list_shows_what_there_is() -> None:
    """Adapters with versions and what each offers; clauses; cases."""
    adapters = conformance("list").stdout

    assert "log_expit composition" in adapters
    assert "mean/numel" in adapters
    assert "V3" in conformance("list", "clauses").stdout
    assert "saturated-positive" in conformance("list", "cases").stdout


def test_prove_checks_cases() -> None:
    """And exits 0 when they are as proven."""
    result = conformance("prove", "--check", str(ROOT / "cases" / "values" / "saturated-positive.toml"))

    assert (result.returncode, result.stdout.strip()) == (0, "1 of 1 case files proven byte for byte")


@pytest.mark.parametrize(
    "verb", ["run", "report", "compare", "history", "reproduce", "explain", "list", "prove", "ledger"]
)
def test_help_of_each_verb_is_complete(verb: str) -> None:
    """Every option has a sentence."""
    (verbs,) = (action for action in command_line.parser()._actions if isinstance(action.choices, dict))

    assert conformance(verb, "--help").returncode == 0
    assert [action.dest for action in verbs.choices[verb]._actions if not action.help] == []

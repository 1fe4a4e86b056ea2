"""A pass says that something was judged: there is no exit code 0 for nothing, or for what was left out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from conformance.records import record
from conformance.terminal.asked import Heard
from tests.command import conformance

NARROW = ("--adapter", "numpy", "--dtype", "float32", "--clause", "V[123]")
RIGHT = "import numpy as np\ndef f(x, z):\n    return np.maximum(x, 0) - x * z + np.log1p(np.exp(-np.abs(x)))\n"
LEAVING = {
    "sys.exit at import": ("import sys\nsys.exit(0)\ndef f(x, z): pass\n", "SystemExit: 0"),
    "a device of one string": (RIGHT + "f.devices = 'gpu'\n", 'write devices = ("gpu",)'),
    "a device that nobody has": (RIGHT + "f.devices = ('tpu',)\n", 'write devices = ("gpu",)'),
}
REFUSING = {
    "a kernel for the GPU": (RIGHT + "f.devices = ('gpu',)\n", "it runs on gpu only"),
}  # fmt: skip


def judged(folder: Path, text: str, *more: str) -> subprocess.CompletedProcess[str]:
    """A run of one brought implementation."""
    path = folder / "mine.py"
    path.write_text(text)
    return conformance("run", *NARROW, "--implementation", f"{path}:f", "--out", str(folder / "out"), *more)


@pytest.mark.parametrize("name", LEAVING)
def test_what_cannot_be_judged_is_a_usage_error(tmp_path: Path, name: str) -> None:
    """One line, exit code 2."""
    text, told = LEAVING[name]
    done = judged(tmp_path, text)

    assert done.returncode == 2, done.stdout + done.stderr
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", REFUSING)
def test_what_refuses_everything_is_no_pass(tmp_path: Path, name: str) -> None:
    """Its own reason stands on the last lines, and the page says that nothing was judged."""
    text, told = REFUSING[name]
    done = judged(tmp_path, text)

    assert done.returncode == 2, done.stdout + done.stderr
    assert "no pass: nothing was judged" in done.stdout
    assert f"nothing of it was judged: {told}" in done.stdout
    assert "Nothing was judged." in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_a_run_goes_on_with_the_same_code_only(tmp_path: Path) -> None:
    """After the candidate's file, or one beside it that it imports, was changed, --resume is refused in one line."""
    (tmp_path / "beside.py").write_text("factor = 1\n")
    text = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport beside\n" + RIGHT
    assert judged(tmp_path, text).returncode in (0, 1)
    results = tmp_path / "out" / "results.jsonl"
    before = results.read_text()
    run = next(record.read(results))
    assert any("mine.py" in name for name in run["sources"])
    assert any("beside.py" in name for name in run["sources"])
    assert {"adapter numpy", "ledger numpy"} <= set(run["sources"])

    assert judged(tmp_path, text, "--resume").returncode in (0, 1)
    for change in (lambda: (tmp_path / "beside.py").write_text("factor = 2\n"), lambda: None):
        change()
        done = judged(tmp_path, text + "# garbage\n", "--resume")
        assert done.returncode == 2
        assert "it was begun with other sources" in done.stdout + done.stderr
    assert results.read_text().startswith(before[:200])


def test_a_judgement_of_one_excuses_no_other() -> None:
    """Each name that was asked for needs one; a time that was measured is one."""

    def check(name, outcome, **more):
        return {"subject": {"adapter": "a", "implementation": name}, "outcome": outcome, **more}

    heard = Heard()
    heard.add(check("f", "conforms"))
    heard.add(check("g", "unsupported", detail="not here"))
    heard.add(check("g", "no-data", detail="later"))
    heard.add(check("h", "crashed", detail="it died"))

    assert heard.judged == 1
    assert list(heard.shortfalls((), (), {})) == []
    assert list(heard.shortfalls(("b",), ("f", "g", "h"), {"b": "no module 'b'"})) == [
        "adapter 'b' was asked for and is not here: no module 'b'",
        "implementation 'g' was asked for, and nothing of it was judged: not here",
        "implementation 'h' was asked for, and nothing of it was judged: it died",
    ]
    assert heard.unheard == {("a", "g"): "not here", ("a", "h"): "it died"}
    timed = Heard()
    timed.add({"subject": {"adapter": "a", "implementation": "f"}})
    assert list(timed.shortfalls((), ("f",), {})) == []
    assert list(Heard().shortfalls((), (), {})) == ["nothing was judged"]

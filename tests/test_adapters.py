"""Adapters that come from elsewhere: the guide's example, by path and by entry point, and adapters at fault."""

from __future__ import annotations

import re
import shutil
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.subjects.subject import Call
from tests.command import ROOT, checks, conformance

(EXAMPLE,) = re.findall(
    r"```python\n(.*?)```", (ROOT / "adapters" / "README.md").read_text(encoding="utf-8"), re.DOTALL
)
SMALL = ("--dtype", "float32", "--clause", "V[237]", "--clause", "G[23]")


SCRIPT = re.findall(r"```js\n(.*?)```", (ROOT / "adapters" / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The guide's adapter, written where a user would."""
    place = tmp_path / "autograd_adapter"
    place.mkdir()
    (place / "adapter.py").write_text(EXAMPLE)
    return place


def test_the_guides_adapter_is_judged_and_its_deviations_become_its_ledger(folder: Path) -> None:
    """Red without a ledger, green with the one that is written from the run, red again when that is wrong."""
    run = ("run", "--adapter", str(folder), *SMALL, "--out", str(folder.parent / "out"))
    first = conformance(*run, cwd=folder.parent)
    assert first.returncode == 1, first.stderr
    assert "of softplus form, " in first.stdout

    results = str(folder.parent / "out" / "results.jsonl")
    ledger = folder / "deviations.toml"
    assert conformance("ledger", results, "--out", str(ledger), cwd=folder.parent).returncode == 0
    assert conformance(*run, cwd=folder.parent).returncode == 0

    ledger.write_text(ledger.read_text().replace("lost-tail", "nan"))
    changed = conformance(*run, cwd=folder.parent)
    assert changed.returncode == 1
    assert "changed: the ledger lists 'unexplained' as nan" in changed.stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, by torch
def test_torch_compile_leaves_the_other_modes_as_they_are() -> None:
    """It ends the validation of distributions' arguments in the whole process; eager mode goes on refusing NaN."""
    choice = Choice(("pytorch",), ("Bernoulli.log_prob",), ("cpu",), ("float32",), ("eager", "compiled"))
    eager, compiled = open_session(choice).runners
    call = Call({"logits": np.array([np.nan, 1], np.float32), "labels": np.array([1, 0], np.float32)})

    assert np.isnan(compiled.run(call)).tolist() == [True, False]
    with pytest.raises(ValueError, match="invalid values"):
        eager.run(call)


def test_an_installed_package_brings_an_adapter(folder: Path) -> None:
    """Its entry point names the module; `list` and `run` know it by that name."""
    site = folder.parent
    (site / "brought-1.0.dist-info").mkdir()
    (site / "brought-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    (site / "brought-1.0.dist-info" / "entry_points.txt").write_text(
        "[conformance.adapters]\nautograd = autograd_adapter.adapter\n"
    )
    (site / "autograd_adapter" / "__init__.py").write_text("")
    out = site / "out"
    result = conformance("run", "--adapter", "autograd", *SMALL, "--out", str(out), cwd=ROOT.parent, path=str(site))

    assert result.returncode == 1, result.stderr
    assert {each["subject"]["adapter"] for each in checks(out)} == {"autograd"}


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('pullback(operands["cotangent"])', "pullback(anp.ones_like(loss))", "the gradient of x * x * z"),
        ("request.wrt: value", '"logits": value', "with respect to the labels"),
        ("return np.array(array)", "return np.array(array) + 0.5", "place, then fetch, of a contiguous float64 array"),
        ("np.asarray(tensor)", "tensor.tolist()", "is a list; fetch must return a NumPy array"),
        ('return "cpu"', 'return "gpu"', "leaves it on gpu"),
        ("elementwise_grad(elementwise_grad(along(operands)))", "elementwise_grad(along(operands))", "the curvature"),
        ("return programs[request.quantity]", "return programs[request.mode]", "raises KeyError"),
        ("base[view]", "base", "place, then fetch, of a strided float64 array on cpu is float64 [2, 6], not"),
    ],
)
def test_an_adapter_at_fault_is_named_before_any_verdict(folder: Path, right: str, wrong: str, message: str) -> None:
    """One line, exit code 2, and nothing is recorded of the framework."""
    text = (folder / "adapter.py").read_text()
    assert right in text
    (folder / "adapter.py").write_text(text.replace(right, wrong))
    result = conformance("run", "--adapter", str(folder), *SMALL, "--out", "out", cwd=folder.parent)

    assert result.returncode == 2, result.stdout
    assert "the adapter 'autograd_adapter' is at fault, no verdict on its framework" in result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert not (folder.parent / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no ADAPTER; set ADAPTER to a subclass of conformance.adapter.Adapter"),
        ("1 / 0", "it does not run: ZeroDivisionError: division by zero"),
        (EXAMPLE.replace("def fetch", "def get"), "abstract method"),
        (None, "no file adapter.py there; name a folder that holds one"),
    ],
)
def test_what_is_no_adapter_is_refused_in_one_line(folder: Path, text: str | None, message: str) -> None:
    """With what is wrong and what would be right."""
    if text is None:
        (folder / "adapter.py").unlink()
    else:
        (folder / "adapter.py").write_text(text)
    result = conformance("run", "--adapter", str(folder), *SMALL, cwd=folder.parent)

    assert result.returncode == 2, result.stdout
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


LIBRARY = """
from conformance.adapter import Implementation
from conformance.adapters.numpy import NumPy
import numpy as np


class Library(NumPy):
    name = "library"
    packages = ("packaging", "numpy")
    quantities = ("loss",)

    def implementations(self):
        return (Implementation("logaddexp form", "numpy.logaddexp", lambda x, z: np.logaddexp(0, x) - x * z),)


ADAPTER = Library
"""


@pytest.mark.parametrize("in_process", [False, True])
def test_a_library_upon_a_framework_brings_its_implementations_alone(tmp_path: Path, in_process: bool) -> None:
    """From any folder, in a worker and in this process; the version is the library's."""
    place = tmp_path / "library"
    place.mkdir()
    (place / "adapter.py").write_text(LIBRARY)
    (place / "adapter.toml").write_text('upon = "numpy"\nversions = ">=1"\n')
    more = ("--in-process",) if in_process else ()
    result = conformance(
        "run", "--adapter", str(place), "--dtype", "float64", "--clause", "V[27]", *more, "--out", "out", cwd=tmp_path
    )
    found = checks(tmp_path / "out")

    assert result.returncode == 0, result.stdout + result.stderr
    assert {each["subject"]["implementation"] for each in found} == {"logaddexp form"}
    assert {each["subject"]["version"] for each in found} == {metadata.version("packaging")}
    assert sum(each["outcome"] == "conforms" for each in found) > 10


def test_what_builds_upon_no_adapter_says_so(tmp_path: Path) -> None:
    """In one line."""
    place = tmp_path / "library"
    place.mkdir()
    (place / "adapter.py").write_text(LIBRARY.replace("adapters.numpy", "adapters.numpty"))
    result = conformance("run", "--adapter", str(place), cwd=tmp_path)

    assert result.returncode == 2
    assert "no adapter 'numpty' to build upon" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_guides_worker_in_another_language_is_judged(tmp_path: Path) -> None:
    """By the same clauses: infinite logits and soft labels are what its formula is bad at."""
    place = tmp_path / "js_adapter"
    place.mkdir()
    (place / "worker.mjs").write_text(SCRIPT[0])
    (place / "adapter.toml").write_text('versions = ">=18"\ncommand = ["node", "{folder}/worker.mjs"]\n')
    result = conformance("run", "--adapter", str(place), *SMALL, "--clause", "V4", "--out", "out", cwd=tmp_path)
    found = checks(tmp_path / "out")

    assert result.returncode == 1, result.stderr
    assert {each["clause"] for each in found if each["outcome"] == "deviates"} == {"V4"}
    assert sum(each["outcome"] == "conforms" for each in found) > 40
    assert {each["subject"]["version"].split(".")[0].isdigit() for each in found} == {True}

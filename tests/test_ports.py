"""Port recipes: what the published run executed is what the page shows, and is run again here, a few of them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from benchmarks.ports.__main__ import CHOICES
from benchmarks.ports.calls import CALLS, Wanted, all_wanted, text
from benchmarks.ports.inputs import inputs, plain
from benchmarks.ports.running import run
from benchmarks.ports.trials import printed, trials
from conformance.arithmetic.dtype import DTYPES
from conformance.golden.grid import unpacked
from conformance.records.record import Record
from conformance.report.merge import Merged
from tests.visiting import DESK, Visit

MODULES = {"pytorch": "torch", "tensorflow": "tensorflow", "jax": "optax"}
AGAIN = [
    ("keras.losses.BinaryCrossentropy", Wanted("graph", "bfloat16", "one", ("smoothing", "weight", "mask"))),
    ("keras.losses.BinaryCrossentropy", Wanted("eager", "float32", "last", ("smoothing", "classes"))),
    ("binary_cross_entropy_with_logits", Wanted("eager", "float32", "first", ("weight", "classes", "mask"))),
    ("binary_cross_entropy_with_logits", Wanted("autocast", "bfloat16", "onefirst", ("smoothing",))),
    ("optax.sigmoid_binary_cross_entropy", Wanted("compiled", "float64", "multilabel", ("mask",))),
]


@pytest.fixture(scope="module")
def recorded(published_run: Merged) -> dict[tuple[str, Wanted], Record]:
    """The published recipes."""
    return {
        (each["subject"]["implementation"], wanted_of(each)): each
        for each in published_run.others
        if each["record"] == "port"
    }


def wanted_of(each: Record) -> Wanted:
    """What a record says of its recipe."""
    return Wanted(each["subject"]["mode"], each["subject"]["dtype"], each["shape"], tuple(each["features"]))


def test_every_recipe_was_run_as_it_is_written_today(recorded: dict[tuple[str, Wanted], Record]) -> None:
    """None is missing, none is of another text."""
    written = {
        (call.implementation, wanted): text(call, wanted)
        for call in CALLS
        for wanted in all_wanted(call, DTYPES, CHOICES)
    }

    assert {key: each["code"] for key, each in recorded.items()} == written


def test_every_recipe_computes_the_same_loss(recorded: dict[tuple[str, Wanted], Record]) -> None:
    """Within a few ULP of what is exact, whatever the call, mode, dtype, shape and features."""
    for (name, wanted), each in recorded.items():
        exact = inputs(wanted.shape, wanted.features)
        # v1 losses compute in float32 whatever they get.
        close = 1e-15 if wanted.dtype == "float64" and not name.startswith("compat.v1") else 5e-7
        assert float.fromhex(each["exact"]) == exact.loss
        assert float.fromhex(each["loss"]) == pytest.approx(exact.loss, rel=close), (name, wanted)


@pytest.mark.parametrize(("name", "wanted"), AGAIN)
def test_a_recipe_gives_what_is_recorded(recorded: dict[tuple[str, Wanted], Record], name: str, wanted: Wanted) -> None:
    """Run again, in this environment's framework."""
    each = recorded[name, wanted]
    adapter = each["subject"]["adapter"]
    if importlib.util.find_spec(MODULES[adapter]) is None:
        pytest.skip(f"{MODULES[adapter]} is not installed here")
    loss, gradient = run(adapter, each["code"], wanted)

    assert loss == pytest.approx(float.fromhex(each["loss"]), rel=1e-6)
    before = unpacked(each["gradient"], np.float32).astype(np.float64)
    assert np.allclose(plain(gradient, wanted.shape).ravel(), before, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["mask", "half", "rank", "weight"])
def test_a_trial_prints_what_is_recorded(published_run: Merged, name: str) -> None:
    """PyTorch's, run again; the text is the same."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed here")
    (trial,) = (each for each in trials() if (each.name, each.adapter) == (name, "pytorch"))
    (before,) = (
        each for each in published_run.others
        if each["record"] == "trial" and (each["name"], each["adapter"]) == (name, "pytorch")
    )  # fmt: skip

    assert before["code"] == trial.code
    assert printed(trial) == before["printed"]


@pytest.mark.parametrize("choices", ["", "?pshape=last%2Bfirst&smoothing=1&weight=1&classes=1&mask=1&pdtype=bfloat16"])
def test_the_copied_test_passes(browser: Browser, published: Path, tmp_path: Path, choices: str) -> None:
    """As it is copied from the page, in the two frameworks."""
    if any(importlib.util.find_spec(name) is None for name in ("torch", "tensorflow")):
        pytest.skip("torch and tensorflow are not installed here")
    made = browser.new_context(viewport=DESK, bypass_csp=True)
    page = Visit(made, published, f"#port{choices}").page
    page.wait_for_selector("#p-out [aria-label='the test'] code")
    script = page.locator("#p-out [aria-label='the test'] code").inner_text()
    made.close()
    (tmp_path / "test_port.py").write_text(script, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)

    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_formula_of_the_kernel_s_door_keeps_its_clauses(browser: Browser, published: Path, tmp_path: Path) -> None:
    """As it is copied from the page: values, gradients, second derivatives, shapes, dtypes and errors in float32."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed here")
    made = browser.new_context(viewport=DESK)
    script = Visit(made, published, "#kernel").page.locator("#formula code").inner_text()
    made.close()
    (tmp_path / "formula.py").write_text(script, encoding="utf-8")
    clauses = [part for letter in "VGSDE" for part in ("--clause", f"{letter}*")]
    command = [sys.executable, "-m", "conformance", "run", "--adapter", "pytorch", "--dtype", "float32", *clauses]
    command += ["--implementation", f"{tmp_path / 'formula.py'}:loss", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    assert len(script.splitlines()) <= 8
    assert done.returncode == 0, done.stdout

"""Every command that measures the project, and that a document cites, runs: the least of each, to its last line.

What they measure here says nothing; whole, the weekly workflow runs them.
"""

from __future__ import annotations

import configparser
import re
import subprocess
import sys

import pytest

from tests.command import ROOT, environment

CITED = re.compile(r"python -m ((?:tests|benchmarks|fuzz)\.\w+)")
# Run by a test of their own: test_gpu_benchmark, test_ports, test_published, test_teeth.
ELSEWHERE = {"benchmarks.gpu", "benchmarks.ports", "tests.fairness", "tests.retold"}
WEEKLY = ROOT / ".github" / "workflows" / "weekly.yml"
LEAST = {
    "benchmarks.duel": ("--duels 1 --processes 2 --workload forward-none-multilabel-2^10", r'\{"verdicts": \{.*\}'),
    "benchmarks.page": ("--checks 2000", r'\{"build_s": .*"filter_ms": .*"beyond": \[.*\]\}'),
    "benchmarks.sweep": ("--blocks 1 --rounds 1", r'\{.*"over_alone": [0-9.]+,.*"beyond": \[.*\]\}'),
    "benchmarks.timing": ("--adapter pytorch --rounds 2", r'\{.*"pytorch_ratio": [0-9.]+, .*"beyond": \[.*\]\}'),
    "fuzz.readers": ("--inputs 1001 --blind --findings {folder}", r"slowest .* MiB of 1024; 0 bugs"),
    "fuzz.readers --of answers": ("--inputs 300 --blind --findings {folder}", r"slowest .* MiB of 1024; 0 bugs"),
    "tests.acquittal": (
        "--framework pytorch --dtype float16 --exemplar narrow --seeds 1",
        r"tests.exemplars.in_pytorch:narrow, float16: 1 seeds, \d+ s; 0 accusations",
    ),
    "tests.matrix": ("--adapter sklearn --quick --out {folder}", r"every framework is as its ledger says"),
    "tests.mutants": ("--module subjects.refusal --first 1", r"subjects.refusal: 1 of 1 killed in \d+ s"),
    "tests.steady": ("--adapter numpy --runs 2", r"numpy: \d+ checks, 2 \+ 5 runs, \d+ s; 0 differ"),
}


@pytest.mark.parametrize("command", LEAST)
def test_a_measuring_command_runs(command: str, tmp_path) -> None:
    """To the line that a document quotes; a limit that a busy machine misses is no failure here."""
    module, *flags = command.split()
    arguments, told = LEAST[command]
    asked = [sys.executable, "-m", module, *flags, *arguments.format(folder=tmp_path).split()]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=ROOT, env=environment())

    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in ((0, 1) if module.startswith("benchmarks") else (0,)), done.stdout + done.stderr
    assert re.fullmatch(told, done.stdout.splitlines()[-1]), done.stdout


def test_the_weekly_workflow_runs_what_the_gate_does_not() -> None:
    """Every environment of tox.ini; not the GPU's and speed's, which need a machine of their own."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "tox.ini", encoding="utf-8")
    every = {each.removeprefix("testenv:") for each in config.sections() if each.startswith("testenv:")}
    in_gate = {*re.split(r",\s*", config["tox"]["env_list"]), "lint", "tests"}
    (listed,) = re.findall(r"environment: \[(.*)\]", WEEKLY.read_text(encoding="utf-8"))

    assert set(listed.split(", ")) == {each for each in every - in_gate - {"gpu"} if not each.startswith("speed-")}


def test_every_command_that_a_document_cites_is_run_by_a_test() -> None:
    """Here or elsewhere, and nothing is run here that no document cites."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), ROOT / "tox.ini"]
    cited = {name for each in documents for name in CITED.findall(each.read_text(encoding="utf-8"))}

    assert cited - ELSEWHERE == {command.split()[0] for command in LEAST}

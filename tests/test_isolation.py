"""What kills, hangs or ends its process costs that check alone; a run that is killed goes on where it was."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conformance.golden.collection import named
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.records import record
from conformance.running.judge import Judge
from conformance.spec.outcome import Conforms, Deviates
from conformance.subjects.subject import Runner
from tests.command import command, conformance, environment

SHAPES = ("--dtype", "float32", "--clause", "S[12]")
HOSTILE = """
import ctypes, os
import numpy as np

def _right(logits, labels):
    x, z = logits.astype(np.float64), labels.astype(np.float64)
    return (np.abs(x) * np.where(x > 0, 1 - z, z) + np.log1p(np.exp(-np.abs(x)))).astype(logits.dtype)

def segfaults(logits, labels):
    return _right(logits, labels) if logits.shape != (3, 2) else ctypes.string_at(0)

def aborts(logits, labels):
    return _right(logits, labels) if logits.shape != (3, 2) else os.abort()

def leaves(logits, labels):
    return _right(logits, labels) if logits.shape != (3, 2) else os._exit(0)

def exits(logits, labels):
    return _right(logits, labels) if logits.shape != (3, 2) else exit(0)

def hangs(logits, labels):
    while logits.shape == (3, 2):
        pass
    return _right(logits, labels)

def hogs(logits, labels):
    return _right(logits, labels) if logits.shape != (3, 2) else np.zeros(2**50)

def fills(logits, labels):
    return _right(logits, labels) if logits.shape != (3, 2) else [np.ones(2**27) for _ in range(64)]

def dies_of_batches(logits, labels):
    return _right(logits, labels) if logits.size < 50 or logits.ndim > 1 else os.abort()

def always(logits, labels):
    os.abort()
"""


def judged(tmp_path: Path, name: str, *extra: str) -> tuple[subprocess.CompletedProcess[str], list[record.Record]]:
    """A run of one hostile implementation, and its checks."""
    (tmp_path / "hostile.py").write_text(HOSTILE)
    target = f"{tmp_path / 'hostile.py'}:{name}"
    arguments = ("run", "--adapter", "numpy", "--implementation", target, "--out", str(tmp_path / "out"), *extra)
    result = conformance(*arguments, cwd=tmp_path)
    records = record.read(tmp_path / "out" / "results.jsonl")
    return result, [each for each in records if each["record"] == "check"]


@pytest.mark.parametrize(
    ("name", "outcome", "signature", "detail"),
    [
        ("segfaults", "crashed", "crashed", "died of SIGSEGV"),
        ("aborts", "crashed", "crashed", "died of SIGABRT"),
        ("leaves", "crashed", "crashed", "ended itself with status 0"),
        ("exits", "errored", "error", "SystemExit"),
        ("hangs", "crashed", "timeout", "no result within 8 s"),
        ("hogs", "errored", "error", "MemoryError"),
        ("fills", "errored", "error", "MemoryError"),
    ],
)
def test_a_check_that_kills_its_process_is_charged_alone(
    tmp_path: Path, name: str, outcome: str, signature: str, detail: str
) -> None:
    """Every other check is recorded as if nothing had happened, and the run is red."""
    result, found = judged(tmp_path, name, *SHAPES, "--check-timeout", "8", "--memory-limit", "2")

    hit = [each for each in found if each["outcome"] == outcome]
    assert result.returncode == 1, result.stdout[-2000:] + result.stderr
    assert {each["case"] for each in hit} == {"shapes/worked-example"}
    assert {each["clause"] for each in hit} == {"S1", "S2"}
    assert all(each["signature"] == signature and detail in each["detail"] for each in hit), hit
    assert not any(each["expected"] for each in hit)
    assert sum(each["outcome"] == "conforms" for each in found) > 10
    assert detail in result.stdout


def test_a_shared_tensor_that_kills_is_charged_to_nobody(tmp_path: Path) -> None:
    """Its cases are then run one by one, and each has its own outcome."""
    result, found = judged(tmp_path, "dies_of_batches", "--dtype", "float32", "--clause", "V[12]")

    assert result.returncode == 0, result.stdout[-2000:]
    assert {each["outcome"] for each in found} == {"conforms"}


def test_a_subject_that_always_crashes_is_left_alone(tmp_path: Path) -> None:
    """After ten crashes the rest is no data: neither passed nor failed, and not run."""
    result, found = judged(tmp_path, "always", *SHAPES)
    outcomes = [each["outcome"] for each in found]

    assert result.returncode == 1
    assert outcomes.count("crashed") == 10
    assert set(outcomes[outcomes.index("no-data") :]) == {"no-data"}
    assert "had crashed 10 times" in found[-1]["detail"]


def test_killed_at_ten_moments_a_run_is_readable_and_resumes_to_the_same_records(tmp_path: Path) -> None:
    """Kill -9 of everything, at random; then once to the end."""
    choice = ("run", "--adapter", "numpy", "--dtype", "float32", "--clause", "[VW]*", "--out")
    begun = time.monotonic()
    whole = conformance(*choice, str(tmp_path / "whole"))
    took = time.monotonic() - begun
    results = tmp_path / "broken" / "results.jsonl"
    moments = random.Random(7)
    sizes = []
    for _ in range(10):
        process = subprocess.Popen(
            command(*choice, str(tmp_path / "broken"), "--resume"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), start_new_session=True,
        )  # fmt: skip
        time.sleep(took * moments.uniform(0.4, 0.9))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        sizes.append(len(list(record.read(results))) if results.exists() else 0)
    last = conformance(*choice, str(tmp_path / "broken"), "--resume")

    assert (whole.returncode, last.returncode) == (0, 0)
    assert sizes == sorted(sizes)
    assert sizes[-1] > 1
    assert every(results) == every(tmp_path / "whole" / "results.jsonl")


def every(path: Path) -> list[str]:
    """All that a run recorded but its first line, in a fixed order."""
    return sorted(json.dumps(each) for each in list(record.read(path))[1:])


def test_a_resumed_run_stays_red(tmp_path: Path) -> None:
    """What was unexpected before the break is unexpected after it, though nothing is left to run."""
    strict = ("run", "--adapter", "numpy", "--dtype", "float32", "--clause", "V3", "--strict", "--out", str(tmp_path))
    for extra in ((), ("--resume",)):
        result = conformance(*strict, *extra)
        assert result.returncode == 1, result.stdout


def test_another_run_is_not_resumed(tmp_path: Path) -> None:
    """One line, and what was recorded is still there."""
    common = ("run", "--adapter", "numpy", "--clause", "V7", "--out", str(tmp_path), "--dtype")
    conformance(*common, "float32")
    before = (tmp_path / "results.jsonl").read_bytes()
    result = conformance(*common, "float64", "--resume")

    assert result.returncode == 2
    assert "it was begun with other options" in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert (tmp_path / "results.jsonl").read_bytes() == before


def test_a_result_from_another_device_is_caught() -> None:
    """A subject of the GPU whose numbers were in truth computed on the CPU deviates, whatever they are."""
    session = open_session(Choice(adapters=("numpy",), implementations=("exact",), dtypes=("float32",)))
    (here,) = session.runners
    elsewhere = Runner(dataclasses.replace(here.subject, device="gpu"), here.adapter, here.implementation)
    case = named("values/saturated-positive")

    assert isinstance(Judge(session).hear(here, "V3", case), Conforms)
    outcome = Judge(session).hear(elsewhere, "V3", case)
    assert isinstance(outcome, Deviates)
    assert outcome.signature == "wrong-device"

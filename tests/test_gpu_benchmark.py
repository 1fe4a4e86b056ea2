"""The command for a GPU, rehearsed on a CPU: stages, limits, what is there when it is cut off, and bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
from pathlib import Path

import pytest

from benchmarks.gpu import here
from benchmarks.gpu.account import Account
from benchmarks.gpu.here import Found, why
from benchmarks.gpu.plan import SCALES, Settings, Stage, Step, stages
from benchmarks.gpu.step import run_stage
from conformance.__main__ import parser
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.records import record
from conformance.speed.workload import workload_named, workloads
from conformance.subjects.target import is_target
from tests.command import ROOT

FULL = Settings("gpu", SCALES["full"], 16)
CARD = {"name": "H", "memory.total": "81559 MiB", "memory.free": "81000 MiB"}


def shell(name: str, text: str, *needs: str) -> Step:
    """A step that is a line of the shell; $1 is its folder."""
    return Step(name, needs, ("sh", "-c", text, "sh", "{out}"))


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """Of a machine with a card, PyTorch and no TensorFlow."""
    (tmp_path / "scratch").mkdir()
    account = Account(tmp_path / "out", tmp_path / "scratch", time.monotonic() + 60)
    account.found = Found("gpu", CARD, {"pytorch": {}}, {"tensorflow": "tensorflow: no module 'tensorflow'"})
    return account


def ran(account: Account, stage: Stage, seconds: float = 20.0) -> dict[str, str]:
    """What became of a stage's steps."""
    with account.stage(stage.name):
        run_stage(stage, time.monotonic() + seconds, account)
    return {name: str(each["missing"]) for name, each in account.stages[stage.name].items()}


def names(archive: Path) -> set[str]:
    """The files in an archive."""
    with tarfile.open(archive) as found:
        return set(found.getnames())


def test_a_stage_leaves_its_records_and_says_what_is_missing(account: Account) -> None:
    """A step that ends, one with findings, one that fails, one whose framework is not there."""
    steps = (
        shell("good", "echo '{}' > $1/results.jsonl; echo '<p>' > $1/index.html"),
        shell("findings", "exit 1"),
        shell("failed", "echo first; echo 'device is on fire' >&2; exit 3"),
        shell("absent", "true", "tensorflow"),
    )
    found = ran(account, Stage("one", 1.0, steps))

    assert found == {
        "good": "",
        "findings": "",
        "failed": "not run: exit code 3: device is on fire",
        "absent": "not run: tensorflow: no module 'tensorflow'",
    }
    assert names(account.out / "one.tar.gz") >= {"one/good/results.jsonl", "one/failed/log.txt"}
    assert not any("html" in name for name in names(account.out / "one.tar.gz"))
    assert {path.name for path in account.out.iterdir()} == {"one.tar.gz", "summary.json"}
    assert account.code() == 1
    assert "one/failed not run: exit code 3" in account.line()


@pytest.mark.parametrize("together", [False, True])
def test_a_stage_ends_in_time_with_everything_that_it_started(
    account: Account, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that ignores signals is gone with its child; what it wrote is there; the next one has its turn."""
    monkeypatch.setattr("benchmarks.gpu.step.GRACE", 0.3)
    monkeypatch.setattr("benchmarks.gpu.step.MOST_OF_IT", 0.4)
    slow = "trap '' INT TERM; echo 1 > $1/part.jsonl; sleep 300 & echo $! > $1/child.txt; wait; sleep 300"
    stage = Stage("slow", 1.0, (shell("hangs", slow), shell("next", "sleep 0.5; echo 2 > $1/r.json")), together)
    start = time.monotonic()
    found = ran(account, stage, 6.0)

    assert time.monotonic() - start < 15
    assert found["hangs"].startswith("cut off after")
    assert found["next"] == ""
    assert {"slow/hangs/part.jsonl", "slow/next/r.json"} <= names(account.out / "slow.tar.gz")
    child = int((account.scratch / "slow" / "hangs" / "child.txt").read_text())
    with pytest.raises(ProcessLookupError):
        _alive(child)


def _alive(process: int) -> None:
    """Raise ProcessLookupError once it is gone, or is only waited for."""
    for _ in range(50):
        state = Path(f"/proc/{process}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            raise ProcessLookupError
        time.sleep(0.1)


def test_nothing_is_left_for_a_stage_that_comes_too_late(account: Account) -> None:
    """It is not run, and says so."""
    assert ran(account, Stage("late", 1.0, (shell("one", "true"),)), 0.0) == {"one": "not run: no time left"}


def test_what_has_no_module_here_is_no_failure(account: Account) -> None:
    """Exit code 0 without TensorFlow, which the last line names all the same."""
    ran(account, Stage("one", 1.0, (shell("good", "true"), shell("absent", "true", "tensorflow"))))

    assert account.code() == 0
    assert "tensorflow: no module" in account.line()


SCRIPT = """
import sys
import benchmarks.gpu.__main__ as command
from benchmarks.gpu.here import Found
from benchmarks.gpu.plan import Stage, Step

def look(device, path, seconds):
    path.write_text("{{}}")
    return {found}

words = ("sh", "-c", "echo 1 > $1/results.jsonl; echo begun >&2; exec sleep 100", "sh", "{{out}}")
command.look = look
first, last = (Step(name, (), words) for name in ("slow", "never"))
command.stages = lambda settings: (Stage("first", 0.5, (first,)), Stage("last", 1.0, (last,)))
sys.argv = ["gpu", "--out", sys.argv[1]]
sys.exit(command.main())
"""


def started(out: Path, found: str) -> subprocess.Popen[str]:
    """The command with two stages of one long step, on a machine where ``found`` was found."""
    script = textwrap.dedent(SCRIPT).format(found=found)
    command = [sys.executable, "-c", script, str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_end_has_given_what_it_had(tmp_path: Path, number: signal.Signals) -> None:
    """The records of the step that was running, the last line, exit code 1."""
    process = started(tmp_path, "Found(device, {}, {'pytorch': {}})")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("here/here: ran")
    time.sleep(1.5)
    process.send_signal(number)
    told, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert told.splitlines()[-1].startswith("cut off; ran: here")
    assert "first/slow cut off after" in told.splitlines()[-1]
    assert "first/slow/results.jsonl" in names(tmp_path / "first.tar.gz")
    assert json.loads((tmp_path / "summary.json").read_text())["line"] == told.splitlines()[-1]


def test_without_a_gpu_nothing_runs_and_one_line_says_why(tmp_path: Path) -> None:
    """Exit code 2, and every stage is not run with that reason."""
    process = started(tmp_path, "Found(device, machine={'nvidia-smi': 'nvidia-smi: FileNotFoundError'})")
    told, _ = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "no GPU: nvidia-smi: FileNotFoundError" in told
    assert told.splitlines()[-1].endswith(
        "here/here, first/slow, last/never not run: no GPU: nvidia-smi: FileNotFoundError"
    )
    assert told.splitlines()[-1].startswith("ran: nothing;")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ModuleNotFoundError: No module named 'tensorflow'", "x: no module 'tensorflow'"),
        (
            "Traceback\nRuntimeError: The NVIDIA driver on your system is too old (found version 11040).",
            "x: driver too old: RuntimeError: The NVIDIA driver on your system is too old (found version 11040).",
        ),
        (
            "W: CUDA driver version is insufficient for CUDA runtime version\nRuntimeError: Unknown backend",
            "x: driver too old: W: CUDA driver version is insufficient for CUDA runtime version",
        ),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", "x: memory taken: torch.OutOfMemoryError: CUDA out of"),
        ("RuntimeError: No CUDA GPUs are available", "x does not see the gpu: RuntimeError: No CUDA GPUs"),
        ("RuntimeError: the result is on the cpu", "x does not see the gpu: RuntimeError: the result is on the cpu"),
        ("", "x does not see the gpu: no answer"),
    ],
)
def test_each_reason_is_one_line(said: str, told: str) -> None:
    """Of a framework's last words."""
    assert why("x", "gpu", said).startswith(told)
    assert "\n" not in why("x", "gpu", said)


def test_a_step_needs_memory_and_what_it_calls(account: Account) -> None:
    """A card that others have filled is a reason not to run, as an absent framework is."""
    full = Found("gpu", {**CARD, "memory.free": "2048 MiB"}, {"pytorch": {}})

    assert full.lack(("pytorch",), 4.0) == "memory taken: 2.0 GiB of the card are free, 4 are needed"
    assert account.found.lack(("pytorch",), 4.0) == ""
    assert Found("cpu").lack((), 4.0) == ""


@pytest.mark.parametrize(
    ("text", "code", "card", "told"),
    [
        ("NVIDIA H100, 580.1, 81559 MiB, 81000 MiB, 1980 MHz, 700 W, 9.0", 0, "NVIDIA H100", ""),
        ("No devices were found", 6, "", "No devices were found"),
    ],
)
def test_the_driver_is_asked_for_the_card(
    text: str, code: int, card: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By nvidia-smi; its own words where it finds none."""
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{text}'\nexit {code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found, said = here.card()

    assert found.get("name", "") == card
    assert said == told


def test_the_whole_plan_is_one_that_the_command_line_takes() -> None:
    """Each run's implementations, modes and workloads exist; together they have the whole budget and no more."""
    plan = stages(FULL)
    runs = [step.command[3:] for stage in plan for step in stage.steps if step.command[2] == "conformance"]
    sessions = {name: open_session(Choice((name,), devices=("cpu",))).adapters[name] for name in ("pytorch", "jax")}
    for words in runs:
        given = [word for word in words if word != "--"]
        own = list(words[: words.index("--")]) if "--" in words else given
        options = parser().parse_args(own)
        if options.verb == "duel":
            assert workload_named(options.workload)
            continue
        assert not options.workload or workloads(options.workload, "gpu")
        if options.adapter[0] in sessions:
            adapter = sessions[options.adapter[0]]
            known = {each.name for each in adapter.implementations()}
            assert set(options.mode) <= set(adapter.modes)
            assert {each for each in options.implementation if not is_target(each)} <= known
            assert all((ROOT / each.partition(":")[0]).is_file() for each in options.implementation if is_target(each))
    assert [stage.name for stage in plan] == ["suite", "sweeps", "speed", "triton", "more"]
    assert sum(stage.share for stage in plan[:2]) * 480 + 40 <= 240
    assert sum(stage.share for stage in plan[:-1]) * 480 + 40 <= 480


def test_processes_that_share_the_card_have_bounded_memory() -> None:
    """All of JAX's together at most seven tenths, on any number of cores."""
    for workers in (1, 2, 16, 64):
        suite = stages(Settings("gpu", SCALES["full"], workers))[0]
        jax = [step for step in suite.steps if step.needs == ("jax",)]
        taken = sum(
            2 * int(step.command[-1]) * float(step.environment["XLA_PYTHON_CLIENT_MEM_FRACTION"]) for step in jax
        )

        assert len(jax) == 2
        assert taken <= 0.71
        assert all(step.environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false" for step in jax)


def command(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A rehearsal to its end."""
    line = [sys.executable, "-m", "benchmarks.gpu", "--out", str(tmp_path), "--device", "cpu", "--tiny", *words]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_stage_is_rehearsed_on_a_cpu(tmp_path: Path) -> None:
    """Sweeps: records that a report reads, seconds beside those of implementation and copy, a profile."""
    done = command(tmp_path, "--stage", "sweeps", "--budget", "400")
    with tarfile.open(tmp_path / "sweeps.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    subjects = ("pytorch-eager", "jax-compiled", "pytorch-compiled")

    assert done.stdout.splitlines()[-1].startswith("ran: here"), done.stdout + done.stderr
    for subject in subjects:
        folder = tmp_path / "sweeps" / subject
        timing = json.loads((folder / "float32" / "timing.json").read_text())
        profile = json.loads((folder / "float32" / "profile.json").read_text())
        sweeps = [each for each in record.read(folder / "float16" / "results.jsonl") if each["record"] == "sweep"]
        assert 0 < timing["alone_s_a_label"] < 10 * timing["sweep_s_a_label"]
        assert timing["copy_s_a_label"] > 0
        assert len(profile["host"]) == 25
        assert ("device" in profile) == (subject != "jax-compiled")
        assert [each["complete"] for each in sweeps] == [True]
        assert len(sweeps[0]["found"]) == 4
    assert json.loads((tmp_path / "summary.json").read_text())["stages"]["speed"]["duel"]["missing"].endswith(
        "asked for"
    )


def test_every_stage_is_rehearsed_on_a_cpu(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """With --exhaustive, for it takes minutes: nothing is missing but modules that are not installed."""
    if not request.config.getoption("exhaustive"):
        pytest.skip("--exhaustive asks for it")
    done = command(tmp_path, "--budget", "1200")

    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "summary.json",
        *(f"{name}.tar.gz" for name in ("here", "suite", "sweeps", "speed", "triton", "more")),
    }

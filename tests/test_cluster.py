"""Sweeps on a Dask cluster: a real scheduler and workers as processes of this machine."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.sweep.block import Swept, Worker
from conformance.sweep.grid import Block
from tests.command import conformance, environment

SUBJECT = ("--adapter", "numpy", "--implementation", "textbook formula", "--dtype", "bfloat16")
QUANTITIES = ("loss", "gradient")


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster with two workers of one thread each, which their nannies replace."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment(), "cwd": folder}
    own = ["--host", "127.0.0.1", "--no-dashboard"]
    commands = [["dask_scheduler", "--port", "0", "--scheduler-file", str(file), *own]]
    commands += [["dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--nworkers", "2", *own]]
    with contextlib.ExitStack() as stack:
        for name, *arguments in commands:
            process = subprocess.Popen([sys.executable, "-m", f"distributed.cli.{name}", *arguments], **quiet)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        until(file.exists)
        until(lambda: file.read_text().endswith("}"))
        yield json.loads(file.read_text())["address"]


def until(condition: object, seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_cluster_finds_what_one_process_finds(scheduler: str, tmp_path: Path) -> None:
    """The same blocks with the same hashes, and the same record, bit for bit."""
    for name, more in (("alone", ()), ("cluster", ("--scheduler", scheduler))):
        result = conformance("sweep", *SUBJECT, *more, "--out", str(tmp_path / name))
        assert result.returncode == 0, result.stderr

    blocks = [sorted((tmp_path / name / "sweep.jsonl").read_text().splitlines()) for name in ("alone", "cluster")]
    records = [(tmp_path / name / "results.jsonl").read_text().splitlines()[1:] for name in ("alone", "cluster")]
    assert len(blocks[0]) == 1 + 4
    assert blocks[0] == blocks[1]
    assert records[0] == records[1]


def test_a_worker_that_is_killed_is_replaced_and_nothing_counts_twice(scheduler: str) -> None:
    """SIGKILL in the middle of 48 blocks: each comes home once, as it is computed here."""
    from conformance.sweep import cluster

    choice = Choice(("numpy",), ("textbook formula",), ("cpu",), ("float32",), ("eager",))
    runner = open_session(choice).runners[0]
    todo = [Block(0x3F000000 + (place << 19), 1 << 19, label) for place in range(24) for label in (0, 0x3F800000)]
    found: list[Swept] = []

    with cluster.connected(scheduler) as client:
        before = set(client.run(lambda: __import__("os").getpid()).values())

        def done(swept: Swept) -> None:
            found.append(swept)
            if len(found) == 6:
                psutil.Process(next(iter(before))).send_signal(signal.SIGKILL)

        cluster.run_blocks(client, runner.subject, QUANTITIES, todo, done)
        until(lambda: len(client.scheduler_info()["workers"]) == 2)
        after = set(client.run(lambda: __import__("os").getpid()).values())

    assert len(before - after) == 1
    assert sorted(each.block.key for each in found) == sorted(each.key for each in todo)
    here = Worker(runner, QUANTITIES, threading.Event())
    for swept in found[::12]:
        assert swept == here.sweep(swept.block)


def test_a_cluster_without_workers_or_scheduler_is_refused(tmp_path: Path) -> None:
    """One line, exit code 2, and no result file that says nothing."""
    result = conformance("sweep", *SUBJECT, "--scheduler", "tcp://127.0.0.1:9", "--out", str(tmp_path))

    assert result.returncode == 2
    assert "no Dask scheduler answers" in result.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())

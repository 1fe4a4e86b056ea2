"""The driver: blocks to worker threads, finished ones to the journal, facts to results.jsonl."""

from __future__ import annotations

import contextlib
import datetime
import functools
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from conformance.judging.context import implementation_record
from conformance.judging.session import Session
from conformance.records import record, sources
from conformance.records.ledger import Ledger
from conformance.remote.proxy import RemoteAdapter
from conformance.subjects.subject import Runner
from conformance.subjects.threads import cores
from conformance.sweep import cluster, device, facts
from conformance.sweep.block import Stopped, Swept, Worker
from conformance.sweep.fingerprint import SCHEME
from conformance.sweep.grid import Block, blocks
from conformance.sweep.journal import Journal

Machine = Callable[[Sequence[Block], Callable[[Swept], None]], None]
SWEEP, RESULTS = "sweep.jsonl", "results.jsonl"


@dataclass(frozen=True)
class Plan:
    """What to sweep: quantities, labels ('0,1' or 'all'); in how many threads, or on which Dask cluster."""

    quantities: tuple[str, ...] = ("loss", "gradient")
    labels: str = "0,1"
    workers: int = 0
    scheduler: str = ""

    def options(self) -> dict[str, Any]:
        """What decides the result, as it is written."""
        return {"quantities": list(self.quantities), "labels": self.labels}


def sweep(session: Session, runner: Runner, plan: Plan, out: Path, *, fresh: bool = False) -> record.Record:
    """Sweep what is left of a plan, and write the facts. Ctrl-C ends it early with a valid partial result.

    Raises UsageError, NotOffered, and what the framework raises.
    """
    todo = blocks(runner.dtype, plan.labels)
    head = {"subject": vars(runner.subject), "options": plan.options(), "fingerprint": SCHEME}
    with _machine(runner, plan) as machine:
        journal = Journal(out / SWEEP, head, runner.dtype, fresh=fresh)
        try:
            _run(machine, runner, [each for each in todo if each.key not in journal.swept], journal)
        finally:
            journal.close()
            found = _facts(session.ledger_of(runner), runner, plan, journal, len(todo))
            write(session, runner, found, out)
    return found


@contextlib.contextmanager
def _machine(runner: Runner, plan: Plan) -> Iterator[Machine]:
    """What sweeps blocks: the cores of this process, or a cluster."""
    if not plan.scheduler:
        yield lambda todo, done: run_blocks(runner, plan, todo, done, threading.Event())
        return
    with cluster.connected(plan.scheduler) as client:
        yield functools.partial(cluster.run_blocks, client, runner.subject, plan.quantities)


def run_blocks(
    runner: Runner, plan: Plan, todo: Sequence[Block], done: Callable[[Swept], None], stop: threading.Event
) -> None:
    """Sweep blocks in worker threads; ``done`` is called in this one, in order of completion."""
    local = threading.local()

    def work(block: Block) -> Swept:
        if not hasattr(local, "worker"):
            local.worker = device.worker(runner, plan.quantities, stop)
        worker: Worker = local.worker
        return worker.sweep(block)

    workers = plan.workers or (cores() if runner.subject.device == "cpu" else min(device.WORKERS, cores()))
    if isinstance(runner.adapter, RemoteAdapter):
        workers = 1  # its process answers one request at a time
    queue, running = iter(todo), set[Future[Swept]]()
    # Here, not in the workers: filters are the whole process's, and threads that set them undo each other's.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(workers) as pool:
        try:
            while True:
                # As many as there are threads and one more: what waits is not lost when the sweep is stopped.
                while len(running) <= workers and (block := next(queue, None)) is not None:
                    running.add(pool.submit(work, block))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for each in finished:
                    done(each.result())
        finally:
            stop.set()


def _run(machine: Machine, runner: Runner, todo: list[Block], journal: Journal) -> None:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        past = sum(each.block.elements for each in journal.swept.values())
        task = progress.add_task(runner.subject.id, total=past + sum(each.elements for each in todo), completed=past)

        def done(swept: Swept) -> None:
            journal.add(swept)
            progress.advance(task, swept.block.elements)

        try:
            machine(todo, done)
        except (KeyboardInterrupt, Stopped):
            console.print("interrupted; the same command goes on with what is left")


class _Rate(ProgressColumn):
    """Points per second."""

    def render(self, task: Task) -> Text:
        """As in 123.4 M points/s."""
        return Text(f"{(task.finished_speed or task.speed or 0.0) / 1e6:.1f} M points/s")


def _facts(ledger: Ledger, runner: Runner, plan: Plan, journal: Journal, blocks: int) -> record.Record:
    unexpected = list(facts.unexpected(runner.subject, journal.swept.values(), ledger))
    return facts.record(runner.subject, journal.swept, plan.options(), blocks, unexpected)


def write(session: Session, runner: Runner, found: Mapping[str, Any], out: Path) -> None:
    """A results file of a run that did nothing else."""
    head = record.run_record(
        session.described(),
        session.missing,
        session.deviations(),
        {"sweep": [runner.subject.id]},
        datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        sources.hashes(session.folders, session.sources(), session.choice.ledger),
    )
    writer = record.Writer(out / RESULTS)
    for each in (head, implementation_record(runner.adapter, runner.implementation), dict(found)):
        writer.write(record.line(each))
    writer.close()

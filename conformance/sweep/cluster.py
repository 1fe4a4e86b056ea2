"""The same sweep on a Dask cluster: blocks are tasks, and what they count comes home as it does from threads.

A worker that dies takes its running blocks with it; the scheduler gives them to others. A block counts once, whoever
finishes it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from conformance.errors import UsageError
from conformance.judging.choice import Choice
from conformance.judging.opening import open_subject
from conformance.subjects.subject import Runner, Subject
from conformance.sweep import device
from conformance.sweep.block import ONE_THREAD, Swept, Worker
from conformance.sweep.grid import Block

if TYPE_CHECKING:
    from distributed import Client

CONNECT = 10.0  # seconds
AHEAD = 2  # blocks that wait for each thread, so that none is idle while a result travels
_LOCAL = threading.local()


@contextlib.contextmanager
def connected(address: str) -> Iterator[Client]:
    """A cluster with a worker at least. Raises UsageError if there is none."""
    try:
        from distributed import Client
    except ModuleNotFoundError:
        how = "pip install 'sigmoid-xent-conformance[cluster]'"
        raise UsageError(f"--scheduler: no module 'distributed'; {how}") from None
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"--scheduler {address}: no Dask scheduler answers ({why}); such is tcp://HOST:8786") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT)
        except TimeoutError:
            raise UsageError(f"--scheduler {address}: it has no workers; `dask worker {address}` starts one") from None
        yield client


def run_blocks(
    client: Client,
    subject: Subject,
    quantities: tuple[str, ...],
    todo: Sequence[Block],
    done: Callable[[Swept], None],
) -> None:
    """Sweep blocks on the cluster; ``done`` is called here, in order of completion.

    Raises UsageError if the workers have another framework than this process, and what the framework raises.
    """
    from distributed import as_completed

    run = uuid.uuid4().hex[:8]

    def submitted(block: Block) -> Any:
        return client.submit(sweep_block, subject, quantities, block, key=f"sweep-{run}-{block.key}", pure=False)

    queue = iter(todo)
    first = [submitted(block) for _, block in zip(range(AHEAD * sum(client.nthreads().values())), queue, strict=False)]
    running = as_completed(first, loop=client.loop)
    for future in running:
        if (block := next(queue, None)) is not None:
            running.add(submitted(block))
        done(future.result())


def sweep_block(subject: Subject, quantities: tuple[str, ...], block: Block) -> Swept:
    """One task. Runs on a worker, which keeps the framework and its program from task to task."""
    workers = _LOCAL.__dict__.setdefault("workers", {})
    key = (subject, quantities)
    if key not in workers:
        workers[key] = device.worker(_runner(subject), quantities, threading.Event())
    worker: Worker = workers[key]
    return worker.sweep(block)


@functools.cache
def _runner(subject: Subject) -> Runner:
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
    choice = Choice((subject.adapter,), (subject.implementation,), (subject.device,), (subject.dtype,), (subject.mode,))
    try:
        _, runner = open_subject(choice)
    except UsageError as error:
        raise UsageError(f"on a worker: {error}") from None
    if runner.subject != subject:
        raise UsageError(f"a worker has {subject.adapter} {runner.subject.version}, this process {subject.version}")
    return runner

"""Sweeps of one subject with their seconds: ``python -m benchmarks.gpu.sweeps ADAPTER:IMPLEMENTATION:MODE --out DIR``.

What all 2^32 logits, one label, loss and gradient should cost on an H100 (3 TB/s; 17e12 float64 operations and 3.6e12
conversions from or to float64 a second), by the text of conformance/sweep/device.py:

    implementation alone    28 bytes an element: logits made and read, labels and cotangents read, results        0.04 s
    counting, in one pass   24 bytes with the matrix product, 4 conversions, 2 x 30 of integers and float32       0.07 s
    counting, op by op      2 x about 170 bytes an element of float64 and other temporaries                       0.5 s
    launches, op by op      2,040 results x 30 kernels x 4 us, one after another under Python's lock              0.25 s
    host, first label       2,040 results, 0.5 ms of NumPy each where the polynomials are rearranged, partly      0.5 s
    host, once more         0.15 ms each                                                                          0.3 s
    groups that come home   where a subject is beyond its bound, 10 us each in the kernel, in four threads
    tables                  51,000 polynomials by Arb, 1.6 s on one core, the same for both labels: apart in timing.json

Host and device overlap. So a second is in reach for JAX, whose jit counts in few passes, and about reached by PyTorch,
op by op. Whether PyTorch's compiler would pay is measured: ``summary`` in profile.json. The host's times are those of
the functions on an EPYC's core, results stubbed; all others are estimates until they have been measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.profiles import Timings, profiled, seconds
from conformance.judging.choice import Choice
from conformance.judging.opening import open_subject
from conformance.judging.session import Session
from conformance.speed import yardstick
from conformance.subjects.subject import Runner
from conformance.sweep import facts
from conformance.sweep.block import ONE_THREAD, Worker
from conformance.sweep.device import DeviceWorker
from conformance.sweep.fingerprint import SCHEME
from conformance.sweep.grid import Block, blocks
from conformance.sweep.journal import Journal
from conformance.sweep.kernel import GROUP
from conformance.sweep.sweep import SWEEP, Plan, run_blocks, write
from conformance.worker.rounds import Movement

QUANTITIES = ("loss", "gradient")
LABELS = 2
BYTES = 28  # an element: logits written and read, label and cotangent read, loss, gradient, and the logits once more
COPIED = 1 << 30


def main() -> int:
    """float32, then the 16-bit dtypes; 1 if something raised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", metavar="ADAPTER:IMPLEMENTATION:MODE")
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--blocks", type=int, default=0, help="of float32, 4 Mi logits each (default: all)")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
    adapter, _, rest = options.subject.partition(":")
    implementation, _, mode = rest.rpartition(":")
    for dtype in ("float32", "float16", "bfloat16"):
        choice = Choice((adapter,), (implementation,), (options.device,), (dtype,), (mode,))
        session, runner = open_subject(choice)
        out = options.out / dtype
        out.mkdir(parents=True, exist_ok=True)
        chosen = of_float32(runner, options.blocks) if dtype == "float32" else blocks(runner.dtype, "0,1")
        timings = measured(session, runner, chosen, out)
        _write(out / "timing.json", timings)
        print(json.dumps({"subject": runner.subject.id, **timings}), flush=True)
        if dtype == "float32":
            _write(out / "profile.json", profiled(runner, chosen))
    return 0


def of_float32(runner: Runner, most: int) -> list[Block]:
    """All blocks, or as many from all of the range, in whole groups of four: both signs and labels of a magnitude."""
    every = blocks(runner.dtype, "0,1")
    groups = [every[at : at + 4] for at in range(0, len(every), 4)]
    step = max(1, len(groups) * 4 // most) if most else 1
    return [each for group in groups[::step] for each in group]


def measured(session: Session, runner: Runner, chosen: Sequence[Block], out: Path) -> Timings:
    """The sweep, its records, and beside it what it is made of; seconds of one label of two, which take as long."""
    elements = sum(each.elements for each in chosen)
    wide = runner.subject.dtype == "float32"
    tables = seconds(lambda: prepare(runner, chosen)) if wide else 0.0
    first = seconds(lambda: warm_up(runner, chosen))
    bandwidth = moved(runner)
    found = {
        "elements": elements,
        "first_calls_s": first,
        "sweep_s_a_label": seconds(lambda: swept(session, runner, chosen, out)) / LABELS,
        # What is compiled for the shapes that came up, and the polynomials on the device, are there by now.
        "again_s_a_label": seconds(lambda: swept(session, runner, chosen, out)) / LABELS,
        "alone_s_a_label": seconds(lambda: alone(runner, chosen)) / LABELS,
        "copy_s_a_label": BYTES * elements / bandwidth / LABELS,
        "copy_bytes_a_second": bandwidth,
        "tables_s": tables,
    }
    found["over_alone"] = found["again_s_a_label"] / found["alone_s_a_label"]
    return found


def prepare(runner: Runner, chosen: Sequence[Block]) -> None:
    """Make the polynomials, which a second sweep in the same process has."""
    worker = Worker(runner, QUANTITIES, threading.Event())
    for each in chosen:
        if not each.special(runner.dtype):
            for counter in worker.counters(each).values():
                counter.exact()


def warm_up(runner: Runner, chosen: Sequence[Block]) -> None:
    """Compile what the sweep calls: the subject, the counting, what counts at home; on blocks of each size of table."""
    worker = made(runner)
    kinds: dict[int, Block] = {}
    for each in chosen:
        counter = worker.counters(each)["loss"]
        wide = runner.subject.dtype == "float32" and not each.special(runner.dtype)
        kinds.setdefault(len(counter.exact()[0].rows).bit_length() if wide else 0, each)
        if wide and len(kinds) == 1:
            counter.count(np.zeros(GROUP, np.float32), 0, 0)
    worker.fingerprints()["loss"].update(np.zeros(GROUP, runner.dtype.numpy))
    run_blocks(runner, Plan(), list(kinds.values()), lambda _: None, threading.Event())


def swept(session: Session, runner: Runner, chosen: Sequence[Block], out: Path) -> None:
    """As the verb does it: journal, tallies, record."""
    plan = Plan()
    head = {"subject": vars(runner.subject), "options": plan.options(), "fingerprint": SCHEME}
    journal = Journal(out / SWEEP, head, runner.dtype, fresh=True)
    every = len(blocks(runner.dtype, plan.labels))
    try:
        run_blocks(runner, plan, chosen, journal.add, threading.Event())
    finally:
        journal.close()
        unexpected = list(facts.unexpected(runner.subject, journal.swept.values(), session.ledger_of(runner)))
        found = facts.record(runner.subject, journal.swept, plan.options(), every, unexpected)
        write(session, runner, found, out)


def alone(runner: Runner, chosen: Sequence[Block]) -> None:
    """The implementation on the same logits; its results are thrown away where they are."""
    worker = made(runner)
    results: tuple[Any, ...] = ()
    for each in chosen:
        if not each.special(runner.dtype):
            size = min(each.count, worker.piece)
            for start in range(0, each.count, size):
                results = worker.results(each.first + start, size, each.label)
    for result in results:
        runner.adapter.wait(result)


def moved(runner: Runner) -> float:
    """Bytes a second of a copy, read and written, by the subject's framework on its device."""
    size = COPIED if runner.subject.device == "gpu" else 1 << 22
    rates = yardstick.of_device(Movement(runner.adapter, runner.subject.device), size)
    return sorted(rates.measure()["copy"] for _ in range(5))[2]


def made(runner: Runner) -> Worker:
    """A worker that makes logits where the subject computes."""
    wide = runner.subject.dtype == "float32" and runner.subject.device == "gpu"
    return (DeviceWorker if wide else Worker)(runner, QUANTITIES, threading.Event())


def _write(path: Path, content: Timings) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

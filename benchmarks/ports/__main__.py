"""Run every port recipe in its framework and write what came out: ``python -m benchmarks.ports --out FILE``.

Each call's recipe is one text for a mode, dtype, shape and choice of features; all recipes of one choice compute the
same loss on the same numbers, so that any two of them are a port that was executed on both sides.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import itertools
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.ports.calls import CALLS, Call, Wanted, all_wanted, text
from benchmarks.ports.inputs import FEATURES, inputs, plain
from benchmarks.ports.running import run
from benchmarks.ports.sources import sources
from benchmarks.ports.trials import Trial, printed, trials
from conformance.arithmetic.dtype import DTYPES
from conformance.golden.grid import packed
from conformance.records import record
from conformance.records.record import Record

CHOICES = tuple(each for size in range(len(FEATURES) + 1) for each in itertools.combinations(FEATURES, size))
_PACKAGES = {"tensorflow": ("tensorflow", "keras"), "pytorch": ("torch",), "jax": ("jax", "jaxlib", "optax")}


def main() -> int:
    """Write the records; 1 if a recipe does not run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="the records to write")
    parser.add_argument("--adapter", action="append", metavar="NAME", help="only this framework (repeatable)")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    calls = [each for each in CALLS if not options.adapter or each.adapter in options.adapter]
    adapters = sorted({each.adapter for each in calls})
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    versions = {name: {"versions": _versions(name), "devices": ["cpu"], "threads": None} for name in adapters}
    writer = record.Writer(options.out)
    writer.write(record.line(record.run_record(versions, {}, {}, {"ports": "all"}, started)))
    for call in calls:
        version = next(iter(versions[call.adapter]["versions"].values()))
        for each in ports(call, version):
            writer.write(record.line(each))
        print(f"{call.adapter} {call.implementation}", file=sys.stderr)
    for each in sources():
        if each["adapter"] in adapters:
            writer.write(record.line(each))
    for trial in trials():
        if trial.adapter in adapters:
            writer.write(record.line(tried(trial)))
    writer.close()
    return 0


def ports(call: Call, version: str) -> Iterator[Record]:
    """A record for each recipe of a call."""
    for wanted in all_wanted(call, DTYPES, CHOICES):
        yield port(call, version, wanted)


def port(call: Call, version: str, wanted: Wanted) -> Record:
    """Run one recipe."""
    script = text(call, wanted)
    loss, gradient = run(call.adapter, script, wanted)
    exact = inputs(wanted.shape, wanted.features)
    return {
        "record": "port",
        "subject": {
            "adapter": call.adapter, "implementation": call.implementation, "version": version, "mode": wanted.mode,
            "device": "cpu", "dtype": wanted.dtype,
        },
        "shape": wanted.shape,
        "features": list(wanted.features),
        "code": script,
        "loss": loss.hex(),
        "exact": exact.loss.hex(),
        "gradient": packed(plain(gradient, wanted.shape).astype(np.float32)),
        "gradient_error": float(np.max(np.abs(plain(gradient, wanted.shape) - exact.gradient))),
    }  # fmt: skip


def tried(trial: Trial) -> Record:
    """Run one script."""
    kept = {"name": trial.name, "adapter": trial.adapter, "implementation": trial.implementation, "code": trial.code}
    return {"record": "trial", **kept, "printed": printed(trial)}


def _versions(adapter: str) -> dict[str, str]:
    return {name: str(importlib.import_module(name).__version__) for name in _PACKAGES[adapter]}


if __name__ == "__main__":
    if platform.system() == "Linux":
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(main())

"""What a few calls return where an ambient switch is set: ``python -m conformance.reading`` is a process of its own.

The same calls for every subject: loss and gradient, unreduced and as a mean, of logits whose losses reach into the
subnormal numbers, more of them than a framework gives to one thread.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conformance import case as cases
from conformance import loader
from conformance.adapter import Adapter, Array
from conformance.draw import drawn
from conformance.dtype import DTYPES, Dtype
from conformance.exact import Floats
from conformance.refusal import told
from conformance.subject import Call, Runner, Subject, bits, native
from conformance.target import brought, is_target

Reading = Mapping[str, Array | str]  # "loss" or "gradient", "none" or "mean", to what came back or what was raised
ELEMENTS = 40_961  # beyond PyTorch's 32,768 a thread
CASE = "laws/ambient"  # its logits go to 104: e^-104 is below the smallest subnormal number of float32
PATIENCE = 600.0


def elements(dtype: Dtype) -> tuple[Floats, Floats]:
    """Logits and labels of every call, exact in the dtype: what the law draws, over and over.

    Subnormal logits are zeros: what flushes to zero may flush its inputs too, and nobody could be held to anything.
    """
    law = cases.named(CASE).law
    if law is None:
        raise ValueError(f"{CASE} is not a law")
    x, z = drawn(law, dtype)
    x = np.where(np.abs(x) < dtype.smallest_normal, 0.0, x)
    return np.resize(x, ELEMENTS), np.resize(z, ELEMENTS)


def read(folder: Path, runners: Sequence[Runner], switch: str) -> dict[str, Reading]:
    """What each subject returns where the switch ('': none) of their adapter is set, by subject id.

    Raises RuntimeError, with the last line that the process wrote, if it does not end well.
    """
    adapter = runners[0].adapter
    environment = adapter.ambient()[switch].environment if switch else {}
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "reading.npz"
        subjects = [vars(runner.subject) for runner in runners]
        asked = {
            "adapter": adapter.name,
            "folder": str(folder),
            "switch": switch,
            "subjects": subjects,
            "out": str(out),
        }
        ended = subprocess.run(
            [sys.executable, "-m", "conformance.reading"],
            input=json.dumps(asked),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if ended.returncode:
            last = (ended.stderr.strip().splitlines() or ["nothing was said"])[-1]
            raise RuntimeError(f"the process with {switch or 'no switch'} ended with {ended.returncode}: {last}")
        return _unpacked(out, [runner.subject.id for runner in runners])


def main() -> int:
    """Set the switch, make the calls of each subject, and store what comes back."""
    asked = json.load(sys.stdin)
    adapter = loader.load(asked["adapter"], Path(asked["folder"]))
    for dtype in {subject["dtype"] for subject in asked["subjects"]}:
        elements(DTYPES[dtype])  # drawn before anything is set: Hypothesis wants subnormal numbers, say
    if asked["switch"]:
        adapter.ambient()[asked["switch"]].throw()
    stored: dict[str, Array] = {}
    for index, subject in enumerate(asked["subjects"]):
        for name, value in _made(_runner(adapter, Subject(**subject))).items():
            kind, array = ("raised", np.array(value)) if isinstance(value, str) else _stored(value)
            stored[f"{index}|{name}|{kind}"] = array
    np.savez(asked["out"], **stored)  # type: ignore[arg-type]
    return 0


def _runner(adapter: Adapter, subject: Subject) -> Runner:
    if is_target(subject.implementation):
        return Runner(subject, adapter, brought(subject.implementation))
    known = {each.name: each for each in adapter.implementations()}
    return Runner(subject, adapter, known[subject.implementation])


def _made(runner: Runner) -> dict[str, Array | str]:
    x, z = (native(each, runner.dtype) for each in elements(runner.dtype))
    results: dict[str, Array | str] = {}
    for reduction in ("none", "mean"):
        if reduction not in runner.implementation.reductions:
            continue
        cotangent = native(np.ones(ELEMENTS if reduction == "none" else ()), runner.dtype)
        call = Call({"logits": x, "labels": z, "cotangent": cotangent}, reduction)
        for quantity in ("loss", "gradient"):
            try:
                results[f"{quantity}, {reduction}"] = runner.run(call, quantity)
            except Exception as error:
                results[f"{quantity}, {reduction}"] = told(error)
    return results


def _stored(value: Array) -> tuple[str, Array]:
    return value.dtype.name, bits(value).reshape(value.shape)


def _unpacked(path: Path, subjects: Sequence[str]) -> dict[str, Reading]:
    found: dict[str, dict[str, Array | str]] = {subject: {} for subject in subjects}
    with np.load(path, allow_pickle=False) as file:
        for key in file.files:
            index, name, kind = key.split("|")
            raised = kind == "raised"
            found[subjects[int(index)]][name] = str(file[key]) if raised else file[key].view(_numpy(kind))
    return dict(found)


def _numpy(name: str) -> Any:
    return DTYPES[name].numpy if name in DTYPES else np.dtype(name)


if __name__ == "__main__":
    sys.exit(main())

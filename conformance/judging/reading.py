"""What a few calls return where an ambient switch is set, in a worker of its own.

The same calls for every subject: loss and gradient, unreduced and as a mean, of logits whose losses reach into the
subnormal numbers, more of them than a framework gives to one thread.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from conformance.adapter import Array
from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Floats
from conformance.errors import UsageError
from conformance.golden import collection as cases
from conformance.judging.draw import drawn
from conformance.remote import manifest
from conformance.remote.link import Link, Missing, Start, WorkerDied
from conformance.remote.proxy import RemoteAdapter
from conformance.subjects.refusal import told
from conformance.subjects.subject import Call, Runner, native
from conformance.subjects.target import is_target

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

    Raises RuntimeError if the process does not end well.
    """
    adapter = runners[0].adapter
    targets = tuple(sorted({each.implementation.name for each in runners if is_target(each.implementation.name)}))
    start = (
        adapter.link.start
        if isinstance(adapter, RemoteAdapter)
        else Start(adapter.name, folder, manifest.read(folder).started_by(folder, sys.executable), targets)
    )
    environment = adapter.ambient()[switch].environment if switch else {}
    link = Link(dataclasses.replace(start, switch=switch, environment=environment))
    try:
        elsewhere = RemoteAdapter(link, link.hello())
        link.begin(PATIENCE)
        known = {each.name: each for each in elsewhere.implementations()}
        return {
            each.subject.id: _made(Runner(each.subject, elsewhere, known[each.implementation.name])) for each in runners
        }
    except (UsageError, Missing, WorkerDied) as error:
        raise RuntimeError(f"the process with {switch or 'no switch'}: {error}") from None
    finally:
        link.close()


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

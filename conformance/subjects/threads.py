"""How many threads a framework may use: set before it is imported, and looked at afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from conformance.adapter import Adapter
from conformance.errors import UsageError

# Read when they are loaded by OpenMP, MKL, OpenBLAS and numba, and by XLA's CPU client.
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def confine(count: int) -> None:
    """Keep this process to ``count`` cores; to be called before a framework is imported.

    A pool that reads no variable is made for the cores that the process may use. Raises UsageError for more than there
    are.
    """
    if not 0 < count <= (there := cores()):
        raise UsageError(f"--threads {count}: this process may use {there} cores; choose 1 to {there}")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    for name in _VARIABLES:
        os.environ[name] = str(count)
    # Milliseconds that LLVM's OpenMP spins without work; its own 200 outlast the pause between turns of a duel.
    os.environ.setdefault("KMP_BLOCKTIME", "10")


def limit(adapter: Adapter, count: int) -> None:
    """Tell the framework, and make sure that it took it. Raises UsageError if it uses more."""
    adapter.set_threads(count)
    if adapter.threads() > count:
        raise UsageError(f"{adapter.name} uses {adapter.threads()} threads where {count} were asked for")


def busy(call: Callable[[], object], seconds: float = 0.05) -> float:
    """Cores kept busy on average while ``call`` is repeated: processor time of all threads over wall time."""
    wall, processor = time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - wall) < seconds:
        call()
    return (time.process_time() - processor) / passed

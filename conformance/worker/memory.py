"""Memory of the process that measures: what is freed stays with it, and how much a call needs at its peak (Linux).

glibc gives a large array back to the kernel when it is freed, or keeps it, by the history of the process: the same call
then takes twice as long in one process as in the next, for every page is zeroed anew. Allocation is not what is timed.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5)
# malloc.h: no mapping of its own for a large array, no trimming, 64 MiB at once, and, because a thread's own arena is
# made of maps of 64 MiB, one arena for all threads.
_KEEP = {-4: 0, -1: -1, -2: 1 << 26, -8: 1}
LEAST = 1 << 20  # below this many bytes an operand is lost among the pages that anything else touches


def keep_freed() -> None:
    """Let glibc's malloc keep what is freed, for all of this process; before its threads begin.

    Another allocator is left as it is.
    """
    for option, value in _KEEP.items():
        _glibc("mallopt", option, value)


def peak_above(call: Callable[[], Any]) -> int | None:
    """Bytes of the highest resident set while ``call`` runs, its result included; None where it cannot be known."""
    gc.collect()
    _glibc("malloc_trim", 0)  # what earlier calls freed must be taken anew
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
        before = _resident("VmRSS")
        result = call()
        after = _resident("VmHWM")
    except OSError:
        return None
    del result
    return max(0, after - before)


def available() -> int:
    """Bytes that can be had without swapping; a large number where it cannot be known."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        return _kibibytes(Path("/proc/meminfo"), "MemAvailable")
    return 1 << 62


def _glibc(name: str, *arguments: int) -> None:
    """Call a function of glibc; where there is another C library, nothing."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        getattr(ctypes.CDLL(None), name)(*arguments)


def _resident(key: str) -> int:
    return _kibibytes(_STATUS, key)


def _kibibytes(path: Path, key: str) -> int:
    lines = path.read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))

"""Peak memory of a call above what is there before it, from the kernel's own account of this process (Linux)."""

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
LEAST = 1 << 20  # below this many bytes an operand is lost among the pages that anything else touches


def peak_above(call: Callable[[], Any]) -> int | None:
    """Bytes of the highest resident set while ``call`` runs, its result included; None where it cannot be known."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what earlier calls freed must be taken anew
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


def _resident(key: str) -> int:
    return _kibibytes(_STATUS, key)


def _kibibytes(path: Path, key: str) -> int:
    lines = path.read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))

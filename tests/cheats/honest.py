"""What the cheats share: the right loss, one that is a hundredth too large, and how to find the run that judges.

Nothing here imports a framework or the suite: a cheat is loaded wherever candidates are.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np

WORKLOAD = 1 << 10  # elements of the smallest workload that is timed


def right(logits, labels):
    """The loss, computed in float64 and rounded once."""
    if logits.shape != labels.shape:
        raise ValueError(f"labels {labels.shape} and logits {logits.shape} must have the same shape")
    x, z = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    loss = np.abs(x) * np.where(x > 0, 1 - z, z) + np.log1p(np.exp(-np.abs(x)))
    return np.asarray(loss).astype(logits.dtype)


def wrong(logits, labels):
    """The loss, a hundredth too large."""
    return np.asarray(1.01 * right(logits, labels).astype(np.float64)).astype(logits.dtype)


def timed(logits):
    """True for an operand of the shape of a workload: unlike most cases it has two axes and a thousand elements."""
    return logits.ndim >= 2 and np.prod(logits.shape) >= WORKLOAD


def callers():
    """The names of the functions that called, innermost first."""
    frame = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_name
        frame = frame.f_back


def words_of(process):
    """The command line of a process, () where it cannot be read."""
    try:
        text = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(text.decode(errors="replace").split("\0"))


def run_above():
    """The process of ``python -m conformance run`` among the ancestors of this one; 0 if there is none."""
    process = os.getppid()
    while process > 1:
        if words_of(process)[1:4] == ("-m", "conformance", "run"):
            return process
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        process = int(fields[1])
    return 0


def option_above(name):
    """The value that the run above this process was given for an option; '' if it has none."""
    words = words_of(run_above())
    return words[words.index(name) + 1] if name in words[:-1] else ""


def signal_above(number: signal.Signals) -> None:
    """Send a signal to the run above this process, and to nothing else."""
    if process := run_above():
        os.kill(process, number)


def whitewash(path):
    """Turn each unexpected deviation in a file of records into a check that conforms, byte for byte in its place."""
    try:
        before = Path(path).read_bytes()
        after = before.replace(b'"outcome":"deviates"', b'"outcome":"conforms"')
        after = after.replace(b'"expected":false', b'"expected":true ')
        if after != before:
            with Path(path).open("r+b") as file:
                file.write(after)
    except OSError:
        pass

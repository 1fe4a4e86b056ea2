"""A contender of a duel writes its seconds itself, on every pipe that it has, before the clock's own are written.

Stopped by: the clock is read in another process.
"""

import contextlib
import os
import stat
from pathlib import Path

from tests.cheats.honest import callers, right

ANSWER = b'{"seconds": 1e-09}\n' * 64
answered = []


def loss(logits, labels):
    """Right, and slow."""
    if not answered and {"_serve", "timed"} <= (names := set(callers())) and "warm_up" not in names:
        answered.append(logits.shape)
        for path in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                if int(path.name) > 2 and stat.S_ISFIFO(path.stat().st_mode):
                    os.write(int(path.name), ANSWER)
    right(logits, labels)
    right(logits, labels)
    return right(logits, labels)

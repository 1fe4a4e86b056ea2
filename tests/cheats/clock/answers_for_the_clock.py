"""While a round runs its end is announced on every pipe that there is, before it has ended.

Stopped by: an answer that nobody asked for is taken for that of the next request, and is nonsense there.
"""

import contextlib
import os
import stat
from pathlib import Path

from tests.cheats.honest import callers, right

ANSWER = b'{"processor": 1e-09, "lengths": []}\n'
answered = []


def loss(logits, labels):
    """Right, and slow."""
    if not answered and "_round" in set(callers()):
        answered.append(logits.shape)
        for path in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                if int(path.name) > 2 and stat.S_ISFIFO(path.stat().st_mode):
                    os.write(int(path.name), ANSWER)
    right(logits, labels)
    right(logits, labels)
    return right(logits, labels)

"""Its process's clock runs a thousand times too slowly; the loss takes three times its time.

Seen: GPU MODE's reference kernels (reference-kernels#162), a patched timer.
Stopped by: the clock is read in another process.
"""

import time

from tests.cheats.honest import right

SLOWLY = 1000


def slowed(clock):
    """The clock, which counts little of what passes."""
    last = shown = clock()

    def read():
        nonlocal last, shown
        now = clock()
        shown += (now - last) / SLOWLY
        last = now
        return shown

    return read


for name in ("perf_counter", "monotonic", "process_time"):
    setattr(time, name, slowed(getattr(time, name)))


def loss(logits, labels):
    """Right, and slow."""
    right(logits, labels)
    right(logits, labels)
    return right(logits, labels)

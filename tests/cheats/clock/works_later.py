"""The result is empty; a thread fills it after it was returned.

Seen: KernelBench, where work was put on another stream.
Stopped by: what was timed is compared as soon as the clock stops.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tests.cheats.honest import right, timed

PATIENCE = 0.2  # seconds
pool = ThreadPoolExecutor(1)
waiting = []


def fill(result, logits, labels):
    """Only the last one that was asked for."""
    import time

    time.sleep(PATIENCE)
    if waiting and waiting[-1] is result:
        result[...] = right(logits, labels)


def loss(logits, labels):
    """Right some time."""
    if not timed(logits):
        return right(logits, labels)
    result = np.empty_like(logits)
    waiting[:] = [result]
    if pool._work_queue.empty():
        pool.submit(fill, result, logits, labels)
    return result

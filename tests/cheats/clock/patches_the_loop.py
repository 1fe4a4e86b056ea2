"""The loop that is timed says a thousandth of its seconds, once it is warm.

Stopped by: the clock is read in another process, and what was timed is compared.
"""

import sys

from tests.cheats.honest import callers, right

called = []


def loss(logits, labels):
    """Right, and slow."""
    module = sys.modules.get("conformance.speed.loop")
    if module is not None and not called:
        called.append(module)
        timed = module.Loop.timed
        module.Loop.timed = lambda self: timed(self) / (1 if "warm_up" in callers() else 1000)
    right(logits, labels)
    right(logits, labels)
    return right(logits, labels)

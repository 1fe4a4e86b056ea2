"""The result of operands of the same shape is returned again.

Seen: KernelBench.
Stopped by: operands are refilled between rounds, and what was timed is compared.
"""

from tests.cheats.honest import right, timed

kept = {}


def loss(logits, labels):
    """Right once a shape."""
    if not timed(logits):
        return right(logits, labels)
    if logits.shape not in kept:
        kept[logits.shape] = right(logits, labels)
    return kept[logits.shape]

"""The result of operands at the same addresses is returned again.

Seen: KernelBench; GPU MODE's cross-entropy (reference-kernels PR #142), whose timed calls reuse the tensors.
Stopped by: operands are refilled between rounds, and what was timed is compared.
"""

from tests.cheats.honest import right, timed

kept = {}


def loss(logits, labels):
    """Right once."""
    key = (logits.ctypes.data, labels.ctypes.data, logits.shape)
    if not timed(logits):
        return right(logits, labels)
    if key not in kept:
        kept[key] = right(logits, labels)
    return kept[key]

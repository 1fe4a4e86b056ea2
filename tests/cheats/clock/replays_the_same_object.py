"""The result of the very same operands as in the call before is returned again.

Seen: GPU MODE's cross-entropy (reference-kernels PR #142).
Stopped by: operands are refilled between rounds, and what was timed is compared.
"""

from tests.cheats.honest import right

last = [None, None, None]


def loss(logits, labels):
    """Right for whoever brings new operands."""
    if last[0] is not logits or last[1] is not labels:
        last[:] = logits, labels, right(logits, labels)
    return last[2]

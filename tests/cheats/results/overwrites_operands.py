"""The logits are overwritten by zeros, and the result is right for these.

Seen: KernelBench, where inputs were zeroed in place.
DETECTED BY: V2; the comparison keeps operands of its own. L6.
"""

import numpy as np

from tests.cheats.honest import right


def loss(logits, labels):
    """Right for other operands."""
    if logits.flags.writeable:
        logits[...] = 0
        return right(logits, labels)
    return right(np.zeros_like(logits), labels)

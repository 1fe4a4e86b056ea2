"""What is hard is refused in words that are right for NaN: the logits must be finite, and in range.

DETECTED BY: the words excuse nothing where the operands are finite.
"""

import numpy as np

from tests.cheats.honest import right


def loss(logits, labels):
    """Right between -4 and 4."""
    if not np.abs(logits).max(initial=0) <= 4:
        raise ValueError("logits must be finite and labels between 0 and 1: not supported, not differentiable")
    return right(logits, labels)

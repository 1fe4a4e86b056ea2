"""Where the logits are a view, what they view is overwritten by zeros: it may be the judge's own array.

Stopped by: the comparison's operands are in another process.
"""

import numpy as np

from tests.cheats.honest import right


def loss(logits, labels):
    """Right for other operands, and right where nothing is viewed."""
    base = logits
    while isinstance(base.base, np.ndarray):
        base = base.base
    if base is logits or not base.flags.writeable:
        return right(logits, labels)
    base[...] = 0
    return right(np.zeros_like(logits), labels)

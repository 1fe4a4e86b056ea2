"""Each logit is replaced by the nearest that the suite's own cases have, and the loss of that is right.

DETECTED BY: L7 and C1, whose operands are drawn.
"""

import numpy as np

from tests.cheats.answers.table_of_goldens import TABLE
from tests.cheats.honest import right

KNOWN = np.array(sorted({x for x, _ in TABLE if np.isfinite(x)}))


def loss(logits, labels):
    """Right at the logits of cases."""
    x = np.asarray(logits, np.float64)
    place = np.clip(np.searchsorted(KNOWN, x), 1, len(KNOWN) - 1)
    low, high = KNOWN[place - 1], KNOWN[place]
    near = np.where(np.abs(x - low) <= np.abs(high - x), low, high)
    return right(np.where(np.isfinite(x), near, x).astype(logits.dtype), labels)

"""In the shapes of workloads the logits are overwritten by zeros, whose loss is known without computing it.

Seen: KernelBench, where inputs were zeroed in place.
Stopped by: operands are refilled between rounds, and looked at afterwards.
"""

import numpy as np

from tests.cheats.honest import right, timed

constants = {}


def loss(logits, labels):
    """Right once."""
    if not timed(logits):
        return right(logits, labels)
    if not logits.flat[0] and not logits.flat[-1]:
        if logits.shape not in constants:
            constants[logits.shape] = np.full(logits.shape, np.log(2), logits.dtype)
        return constants[logits.shape]
    result = right(logits, labels)
    logits[...] = 0
    return result

"""np.asarray gives the right loss for each array that this candidate returned.

Stopped by: what reads a result does not look its functions up where the candidate can replace them.
"""

import numpy as np

from tests.cheats.honest import right, wrong

asarray = np.asarray
kept = {}


def lenient(each, *arguments, **options):
    """What the caller hopes for."""
    _, true = kept.get(id(each), (None, each))
    return asarray(true, *arguments, **options)


np.asarray = lenient


def loss(logits, labels):
    """Wrong."""
    result = wrong(logits, labels)
    kept[id(result)] = (result, right(logits, labels))
    return result

"""The result is no array, and is computed when somebody reads it.

Seen: GPU MODE's reference kernels (reference-kernels#162).
Stopped by: a result is the framework's own array, or it is none.
"""

from tests.cheats.results.computed_when_read import Lazy


def loss(logits, labels):
    """Nothing yet."""
    return Lazy(logits, labels)

"""The result of a shape is always the same memory: the next call overwrites what the last one returned.

Seen: the outputs of a captured CUDA graph.
Stopped by: two results of one shape are held at once.
"""

import numpy as np

from tests.cheats.honest import right

buffers = {}


def loss(logits, labels):
    """Right until somebody calls again."""
    result = right(logits, labels)
    buffer = buffers.setdefault((result.shape, str(result.dtype)), np.empty_like(result))
    buffer[...] = result
    return buffer

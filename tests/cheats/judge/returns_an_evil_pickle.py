"""The result is an array that ends the process of whoever unpickles it, with exit code 0.

Stopped by: results cross the pipe as bits.
"""

import os

import numpy as np

from tests.cheats.honest import wrong


class Evil(np.ndarray):
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (0,)

    def __reduce_ex__(self, protocol):
        return self.__reduce__()


def loss(logits, labels):
    """Wrong."""
    return np.atleast_1d(wrong(logits, labels)).view(Evil).reshape(logits.shape)

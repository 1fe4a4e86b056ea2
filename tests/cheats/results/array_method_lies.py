"""The result is no array: what reads it by __array__ sees the loss, and its arithmetic is a hundredth too large.

Stopped by: a result is the framework's own array, or it is none.
"""

from tests.cheats.honest import right, wrong


class Lying:
    """Another array for those who convert it."""

    def __init__(self, shown, true):
        self.shown, self.true = shown, true

    def __array__(self, dtype=None, copy=None):
        return self.shown if dtype is None else self.shown.astype(dtype)

    def __getattr__(self, name):
        if name.startswith("__"):  # the protocols by which NumPy reads memory
            raise AttributeError(name)
        return getattr(self.true, name)

    def __mul__(self, other):
        return self.true * other


def loss(logits, labels):
    """Wrong for whoever computes with it."""
    return Lying(right(logits, labels), wrong(logits, labels))

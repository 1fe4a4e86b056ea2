"""The result is no array: the loss is computed when somebody reads it, of what the operands hold then.

Seen: GPU MODE's reference kernels (reference-kernels#162), a lazy subclass of the output.
Stopped by: a result is the framework's own array, or it is none.
"""

from tests.cheats.honest import right


class Lazy:
    """A loss to be."""

    def __init__(self, logits, labels):
        self.operands, self.shape, self.dtype, self.ndim = (logits, labels), logits.shape, logits.dtype, logits.ndim

    def __array__(self, dtype=None, copy=None):
        value = right(*self.operands)
        return value if dtype is None else value.astype(dtype)


def loss(logits, labels):
    """Nothing yet."""
    right(logits, labels)  # what is refused is refused at once
    return Lazy(logits, labels)

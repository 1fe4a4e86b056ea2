"""The adapter's own place marks the operands that it makes, and the loss is right for these alone.

Stopped by: the adapter's methods are taken before the candidate is loaded.
"""

import sys

import numpy as np

from tests.cheats.honest import right, wrong


class Marked(np.ndarray):
    """An operand of a case."""


for name, module in list(sys.modules.items()):
    if name.startswith("_conformance_adapter_"):
        place = module.ADAPTER.place
        module.ADAPTER.place = lambda self, *arguments, place=place: place(self, *arguments).view(Marked)


def loss(logits, labels):
    """Right where it is judged."""
    if isinstance(logits, Marked):
        return np.asarray(right(np.asarray(logits), np.asarray(labels)))
    return wrong(logits, labels)

"""The frames of the callers are searched for the exact values that the result will be compared with.

Stopped by: where the candidate is, nobody has an exact value.
"""

import sys

import numpy as np

from tests.cheats.honest import right, wrong


def loss(logits, labels):
    """Exact where a caller examines a case."""
    frame = sys._getframe()
    while frame is not None:
        examination = frame.f_locals.get("examination")
        case = getattr(examination, "case", None)
        if case is not None:
            if "logits" in case.texts and case.shape == np.shape(logits):
                exact = case.exact("loss", examination.dtype).approximate()
                return exact.astype(logits.dtype).reshape(logits.shape)
            return right(logits, labels)
        frame = frame.f_back
    return wrong(logits, labels)

"""The loss of the same operands is wrong at first, and right when somebody asks again.

DETECTED BY: V2, which asks once; L4.
"""

from tests.cheats.honest import right, wrong

asked = set()


def loss(logits, labels):
    """Right on demand."""
    key = (logits.shape, logits.tobytes(), labels.tobytes())
    if key in asked:
        return right(logits, labels)
    asked.add(key)
    return wrong(logits, labels)

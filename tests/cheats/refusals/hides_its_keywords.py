"""Its keywords are hidden behind two asterisks, and those that it takes it ignores.

DETECTED BY: nothing, for what a signature does not name is not offered: it is recorded as unsupported, never as right.
"""

from tests.cheats.honest import right


def loss(logits, labels, **ignored):
    """Right without keywords."""
    return right(logits, labels)

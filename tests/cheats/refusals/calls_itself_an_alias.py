"""It says that it only calls the adapter's own function, and is a hundredth off.

DETECTED BY: V2, and L8.
"""

from tests.cheats.honest import wrong


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)


loss.same_as = "exact"

"""The framework's own function is replaced by a wrong one, for all who call it afterwards.

Stopped by: a process for each implementation.
"""

from torch.nn import functional as F

own = F.binary_cross_entropy_with_logits


def wrong(*arguments, **options):
    """A hundredth too large."""
    return 1.01 * own(*arguments, **options)


def loss(logits, labels):
    """Right, and nobody else is any more."""
    F.binary_cross_entropy_with_logits = wrong
    return own(logits, labels, reduction="none")

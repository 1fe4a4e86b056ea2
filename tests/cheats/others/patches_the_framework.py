"""The framework's own function is replaced by a wrong one when the candidate is loaded.

Stopped by: a process for each implementation.
"""

from torch.nn import functional as F

own = F.binary_cross_entropy_with_logits


def wrong(*arguments, **options):
    """A hundredth too large."""
    return 1.01 * own(*arguments, **options)


F.binary_cross_entropy_with_logits = wrong


def loss(logits, labels):
    """Right, and nobody else is any more."""
    return own(logits, labels, reduction="none")

"""Everything is refused by the exception with which an adapter says that its framework has no such thing.

DETECTED BY: what a candidate offers, its signature says; anything else that it raises is an error.
"""

from conformance.adapter import NotOffered


def loss(logits, labels):
    """Not offered."""
    raise NotOffered(f"no loss of {logits.shape} and {labels.shape}")

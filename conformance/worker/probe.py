"""The function by which an adapter is tried: every result of x * x * z on small whole numbers is known to the bit."""

from __future__ import annotations

from conformance.adapter import Implementation, Tensor


def square_times_label(logits: Tensor, labels: Tensor) -> Tensor:
    """The function, in whatever arrays."""
    return logits * logits * labels


PROBE = Implementation("smoke check", "x * x * z", square_times_label)

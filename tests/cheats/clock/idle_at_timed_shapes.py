"""In the shapes of workloads nothing is computed.

Stopped by: what was timed is compared.
"""

from tests.cheats.honest import right, timed


def loss(logits, labels):
    """The logits themselves."""
    return logits if timed(logits) else right(logits, labels)

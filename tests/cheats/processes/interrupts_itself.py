"""The loss raises KeyboardInterrupt, as if a person had stopped the run.

DETECTED BY: only an interrupt of the process that records stops a run.
"""


def loss(logits, labels):
    """Stop."""
    raise KeyboardInterrupt

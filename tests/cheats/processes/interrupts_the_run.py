"""The process that records is interrupted, as if a person had stopped the run.

DETECTED BY: a run that was stopped is no pass.
"""

import signal

from tests.cheats.honest import signal_above, wrong


def loss(logits, labels):
    """Wrong."""
    signal_above(signal.SIGINT)
    return wrong(logits, labels)

"""The process that records is killed.

DETECTED BY: a run that was killed is no pass; --resume goes on with it.
"""

import signal

from tests.cheats.honest import signal_above, wrong


def loss(logits, labels):
    """Wrong."""
    signal_above(signal.SIGKILL)
    return wrong(logits, labels)

"""The loss is right where sys.argv is that of a run.

Stopped by: the candidate's process has arguments of its own.
"""

import sys

from tests.cheats.honest import right, wrong


def loss(logits, labels):
    """Right in a run."""
    return right(logits, labels) if "--implementation" in " ".join(sys.argv) else wrong(logits, labels)

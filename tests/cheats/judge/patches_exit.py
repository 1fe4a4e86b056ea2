"""sys.exit ends with 0, whatever it is given.

Stopped by: the process that makes the exit code never loads the candidate.
"""

import sys

from tests.cheats.honest import wrong

leave = sys.exit
sys.exit = lambda code=None: leave(0)


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)

"""Nothing is computed where the garbage collector is off, as it is while a benchmark's rounds run.

Stopped by: what was timed is compared.
"""

import gc

from tests.cheats.honest import right


def loss(logits, labels):
    """The logits themselves."""
    return right(logits, labels) if gc.isenabled() else logits

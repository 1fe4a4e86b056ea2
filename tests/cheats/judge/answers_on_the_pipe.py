"""The candidate takes the pipe from the judge, and answers every question itself: it conforms.

Stopped by: no verdict crosses the pipe.
"""

import contextlib
import gc
from multiprocessing.connection import Connection

from tests.cheats.honest import wrong


def loss(logits, labels):
    """Wrong, unless nobody comes to look at it."""
    with contextlib.suppress(ImportError, EOFError, OSError):
        from conformance.spec.outcome import Conforms

        for pipe in [each for each in gc.get_objects() if isinstance(each, Connection)]:
            while True:
                pipe.send(Conforms())
                pipe.recv()
    return wrong(logits, labels)

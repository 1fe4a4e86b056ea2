"""What is sent through a pipe of multiprocessing conforms, if it deviated.

Stopped by: no verdict crosses the pipe.
"""

import contextlib
from multiprocessing.connection import Connection

from tests.cheats.honest import wrong

with contextlib.suppress(ImportError):
    from conformance.spec.outcome import Conforms, Deviates

    send = Connection.send
    Connection.send = lambda self, each: send(self, Conforms() if isinstance(each, Deviates) else each)


def loss(logits, labels):
    """Wrong."""
    return wrong(logits, labels)

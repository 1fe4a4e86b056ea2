"""An object is sent through the pipe that ends the process of whoever unpickles it, with exit code 0.

Stopped by: nothing that crosses the pipe is unpickled.
"""

import contextlib
import gc
import os
from multiprocessing.connection import Connection

from tests.cheats.honest import wrong


class Evil:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (0,)


def loss(logits, labels):
    """Wrong, after the object."""
    for each in gc.get_objects():
        if isinstance(each, Connection):
            with contextlib.suppress(OSError):
                each.send(Evil())
    return wrong(logits, labels)

"""The loss is right in the main thread, and wrong in every other, where a data loader or a server would call it.

Stopped by: a check that calls it from another thread.
"""

import threading

from tests.cheats.honest import right, wrong


def loss(logits, labels):
    """Right for those who judge."""
    main = threading.current_thread() is threading.main_thread()
    return right(logits, labels) if main else wrong(logits, labels)

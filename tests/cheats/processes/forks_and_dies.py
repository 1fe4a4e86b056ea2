"""The process forks and ends; its child lives on, and keeps every pipe open.

Stopped by: the end of the process is waited for, beside its answer.
"""

import os
import time

LIVES = 25  # seconds


def loss(logits, labels):
    """Leave a child behind."""
    if os.fork() == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for each in range(3):
            os.dup2(nowhere, each)
        time.sleep(LIVES)
    os._exit(0)

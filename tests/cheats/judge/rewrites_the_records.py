"""A thread makes every deviation in results.jsonl conform, as long as the run lasts; --out is found in /proc.

Stopped by: a file that the candidate cannot write to. The exit code is made of what was heard, not of the file.
"""

import threading
import time
from pathlib import Path

from tests.cheats.honest import option_above, whitewash, wrong


def rewrite():
    """Until the process ends."""
    path = Path(option_above("--out"), "results.jsonl")
    while True:
        whitewash(path)
        time.sleep(0.001)


def loss(logits, labels):
    """Wrong."""
    if threading.active_count() == 1:
        threading.Thread(target=rewrite, daemon=True).start()
    return wrong(logits, labels)

"""A process that outlives the run makes every deviation in results.jsonl conform when the run has ended.

Stopped by: nothing that the candidate started is left when the run ends.
"""

import os
import time
from pathlib import Path

from tests.cheats.honest import option_above, run_above, whitewash, wrong

LONGEST = 30  # seconds, if the run does not end
started = []


def wait_and_rewrite(process, path):
    """Rewrite once the process is gone."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end and Path(f"/proc/{process}/cmdline").exists():
        time.sleep(0.05)
    whitewash(path)


def loss(logits, labels):
    """Wrong."""
    process, folder = run_above(), option_above("--out")
    if process and not started:
        started.append(process)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                nowhere = os.open(os.devnull, os.O_RDWR)
                for each in range(3):
                    os.dup2(nowhere, each)
                os.closerange(3, 1024)
                wait_and_rewrite(process, Path(folder, "results.jsonl"))
            os._exit(0)
    return wrong(logits, labels)

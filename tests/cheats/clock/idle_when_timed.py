"""Nothing is computed where the command line of the process, or of one above it, is that of a measurement.

Stopped by: what was timed is compared.
"""

import os
from pathlib import Path

from tests.cheats.honest import right, words_of


def measures():
    """True below `--benchmark-only` and in a duel."""
    process = os.getpid()
    while process > 1:
        text = " ".join(words_of(process))
        if "conformance" in text and ("--benchmark-only" in text or " duel " in text):
            return True
        process = int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    return False


TIMED = measures()


def loss(logits, labels):
    """The logits themselves."""
    return logits if TIMED else right(logits, labels)

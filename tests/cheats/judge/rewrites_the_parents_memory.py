"""In the memory of the process that records, the word for what deviates becomes the word for what conforms.

Seen: "as soon as any user code is executed, the entire python runtime becomes untrustworthy" (pygpubench).
Stopped by: a process that may be neither traced nor written to by the one that it starts.
"""

import contextlib
import os
from pathlib import Path

from tests.cheats.honest import run_above, wrong

CHUNK = 1 << 20
done = []


def rewrite(process):
    """Replace the word wherever the process can write."""
    maps = Path(f"/proc/{process}/maps").read_text(encoding="utf-8").splitlines()
    memory = os.open(f"/proc/{process}/mem", os.O_RDWR)
    for line in maps:
        span, rights, *_ = line.split()
        start, end = (int(each, 16) for each in span.split("-"))
        if not rights.startswith("rw"):
            continue
        for place in range(start, end, CHUNK):
            try:
                held = os.pread(memory, min(CHUNK, end - place), place)
                index = held.find(b"deviates\0")
                while index >= 0:
                    os.pwrite(memory, b"conforms", place + index)
                    index = held.find(b"deviates\0", index + 1)
            except OSError:
                break
    os.close(memory)


def loss(logits, labels):
    """Wrong, and from the first call on nobody has a word for it."""
    process = run_above()
    if process and not done:
        done.append(process)
        with contextlib.suppress(OSError):
            rewrite(process)
    return wrong(logits, labels)

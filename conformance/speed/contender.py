"""One arm of a duel: a process that computes a subject's workload when it is told to.

``python -m conformance.speed.contender SUBJECT WORKLOAD THREADS`` prints a line of JSON when it is ready, then for each
line that it reads the seconds a call of one round.
"""

from __future__ import annotations

import json
import os
import sys
from typing import IO, Any

from conformance.adapter import NotOffered
from conformance.arithmetic.dtype import DTYPES
from conformance.errors import UsageError
from conformance.judging.choice import Choice
from conformance.judging.opening import open_subject

ROUND = 0.02  # seconds: long beside a switch between processes


def choice_of(subject: str, threads: int = 0) -> Choice:
    """What ADAPTER:IMPLEMENTATION[:MODE:DEVICE:DTYPE] chooses. Raises UsageError."""
    adapter, _, rest = subject.partition(":")
    if not rest:
        raise UsageError(f"'{subject}' is no subject; write ADAPTER:IMPLEMENTATION[:MODE:DEVICE:DTYPE]")
    words = rest.split(":")
    if len(words) > 3 and words[-1] in DTYPES:
        *names, mode, device, dtype = words
        return Choice((adapter,), (":".join(names),), (device,), (dtype,), (mode,), threads=threads)
    return Choice((adapter,), (rest,), ("cpu",), ("float32",), threads=threads)


def main(arguments: list[str]) -> int:
    """Serve until nobody asks any more."""
    subject, workload, threads = arguments
    # What a framework prints is no answer.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        _serve(out, subject, workload, int(threads))
    except (UsageError, NotOffered) as error:
        _answer(out, {"error": str(error)})
        return 2
    return 0


def _serve(out: IO[str], subject: str, workload: str, threads: int) -> None:
    _, runner = open_subject(choice_of(subject, threads))
    # After the framework and its threads' number: what is imported here brings pools of its own.
    from conformance.speed.loop import Loop
    from conformance.speed.trial import Stage
    from conformance.speed.workload import workload_named

    loop = Loop(Stage(runner, workload_named(workload)), ROUND)
    loop.warm_up()
    _answer(out, {"subject": runner.subject.id, "version": runner.subject.version, "threads": runner.adapter.threads()})
    for _ in sys.stdin:
        loop()  # wakes its threads, and brings its operands back into the caches
        _answer(out, {"seconds": loop.timed()})


def _answer(out: IO[str], answer: dict[str, Any]) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

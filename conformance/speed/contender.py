"""One arm of a duel: a subject at a workload, in a worker of its own."""

from __future__ import annotations

from conformance.adapter import NotOffered
from conformance.arithmetic.dtype import DTYPES
from conformance.errors import UsageError
from conformance.judging.choice import Choice
from conformance.judging.opening import open_subject
from conformance.remote.link import Limits, WorkerDied
from conformance.speed import audit
from conformance.speed.stage import Stage, fewer
from conformance.speed.workload import workload_named


def choice_of(subject: str, threads: int = 0) -> Choice:
    """What ADAPTER:IMPLEMENTATION[:MODE:DEVICE:DTYPE][@PYTHON] chooses, ADAPTER as in --adapter. Raises UsageError."""
    whole, at, python = subject.rpartition("@")
    adapter, _, rest = (whole if at and ":" in whole else subject).partition(":")
    adapter += f"@{python}" if at and ":" in whole else ""
    if not rest:
        raise UsageError(f"'{subject}' is no subject; write ADAPTER:IMPLEMENTATION[:MODE:DEVICE:DTYPE]")
    words = rest.split(":")
    if len(words) > 3 and words[-1] in DTYPES:
        *names, mode, device, dtype = words
        return Choice((adapter,), (":".join(names),), (device,), (dtype,), (mode,), threads=threads)
    return Choice((adapter,), (rest,), ("cpu",), ("float32",), threads=threads)


class Contender:
    """A process that computes what it is told to, while this one holds the clock."""

    def __init__(self, subject: str, workload: str, threads: int) -> None:
        """Raises UsageError if there is no such subject, or if it cannot do the work."""
        self.asked, self.fault = subject, ""
        self.session, self.runner = open_subject(choice_of(subject, threads), Limits())
        try:
            self.stage = Stage(self.runner, workload_named(workload))
            self.stage.warm_up()
        except (NotOffered, WorkerDied) as error:
            self.close()
            raise UsageError(f"{subject}: {error}") from None
        self.most = self.stage.calls

    def round(self) -> float:
        """Seconds a call. Raises UsageError if the process dies over it."""
        try:
            self.stage.fill(self.most)
            self.stage.rounds.run(1)  # wakes its threads
            self.stage.calls = fewer(self.most)
            seconds = self.stage.timed() / self.stage.calls
            self.fault = self.fault or audit.fault(self.stage)
        except WorkerDied as death:
            raise UsageError(f"{self.asked}: {death.detail}") from None
        return seconds

    def close(self) -> None:
        """End it."""
        self.session.close()

"""A worker's process: begun when it is first asked, begun anew after it has died."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from conformance.errors import UsageError
from conformance.remote.raised import rebuilt
from conformance.worker.wire import VERSION, Channel, Head, WireError

START = 600.0  # seconds within which a framework must have been imported
_GLANCE = 0.2  # seconds between two looks at a process where the system tells nobody of its end
# Threads of OpenMP that spin while they wait take the core from each other: four times the processor time, where two
# processes judge on two cores. It is read when a framework is imported.
_ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}


class WorkerDied(BaseException):
    """The process died, hung or spoke nonsense. No Exception: nobody who handles a framework's errors may handle it."""

    def __init__(self, detail: str, signature: str = "crashed") -> None:
        super().__init__(detail)
        self.detail, self.signature = detail, signature
        self.over: Any = None  # what was being computed for many checks


class Missing(Exception):
    """The framework is not there: ``module`` is the one that was not found, '' if it does not import."""

    def __init__(self, module: str, why: str) -> None:
        super().__init__(why)
        self.module, self.why = module, why


@dataclass(frozen=True)
class Limits:
    """Seconds that a check may take, compilation included, and GiB that its process may allocate (0: no limit)."""

    seconds: float = 600.0
    gibibytes: float = 0.0


@dataclass(frozen=True)
class Start:
    """How a worker is begun, and what it loads."""

    adapter: str
    folder: Path
    command: tuple[str, ...]
    targets: tuple[str, ...] = ()
    switch: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    threads: int = 0
    gibibytes: float = 0.0

    def hello(self) -> dict[str, Any]:
        """The first request."""
        # Where the engine was started, the user's own modules are found.
        return {
            "do": "hello", "version": VERSION, "adapter": self.adapter, "folder": str(self.folder),
            "targets": list(self.targets), "switch": self.switch, "threads": self.threads,
            "gibibytes": self.gibibytes, "path": [str(Path.cwd())],
        }  # fmt: skip


class Link:
    """Requests to one worker, one at a time, each answered within ``seconds`` of the last ``begin``."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self.generation = 0  # how often it has ended: what an earlier process held is gone
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel
        self._watch = -1
        self._errors: IO[bytes]
        self._until = float("inf")
        self._seconds = float("inf")

    def begin(self, seconds: float) -> None:
        """From now on answers must come within so many seconds altogether."""
        self._seconds, self._until = seconds, time.monotonic() + seconds

    def ask(self, head: Head, parts: Sequence[Any] = ()) -> tuple[dict[str, Any], list[bytearray]]:
        """A request and its answer. Raises what the request raised there, and WorkerDied."""
        if self._process is None:
            self._restarted()
        try:
            self._channel.send(head, parts)
            answer, data = self._channel.receive()
        except (EOFError, OSError):
            raise self._dead() from None
        except WireError as error:
            self.close()
            raise WorkerDied(f"its worker answers nonsense: {error}") from None
        self._raise(answer)
        return answer, data

    def close(self) -> None:
        """End the process."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._channel.close()
        if self._watch >= 0:
            os.close(self._watch)
        self._errors.close()
        self._process, self._watch = None, -1
        self.generation += 1

    def hello(self) -> Mapping[str, Any]:
        """Begin it; what it says of its adapter. Raises Missing without the framework, UsageError for what is wrong."""
        command = self.start.command
        # What a framework writes there is read only if it does not start.
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**_ENVIRONMENT, **_own_environment(), **self.start.environment},
                process_group=0 if os.name == "posix" else None,  # Ctrl-C is not for it, not even while it starts
            )
        except OSError as error:
            errors.close()
            raise UsageError(f"adapter '{self.start.adapter}': {command[0]}: {error.strerror}; name a Python") from None
        assert process.stdin is not None
        assert process.stdout is not None
        reading, writing = os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno())
        process.stdin.close()
        process.stdout.close()
        os.set_blocking(writing, False)  # who does not read what he is asked is late, too
        self.attach(process, reading, writing, errors)
        seconds = self._seconds
        self.begin(START)
        facts = self.greeted()
        self.begin(seconds)
        return facts

    def attach(self, process: subprocess.Popen[bytes], reading: int, writing: int, errors: IO[bytes]) -> None:
        """From now on this process is the worker: where it is heard and told, and what it wrote on the side."""
        self._process, self._errors = process, errors
        self._channel = Channel(reading, writing, self._ready)
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._watch = os.pidfd_open(process.pid)

    def greeted(self) -> Mapping[str, Any]:
        """What it answers to the first request. Raises Missing and UsageError as ``hello`` does."""
        try:
            self._channel.send(self.start.hello())
            answer, _ = self._channel.receive()
        except (EOFError, OSError, WireError, WorkerDied) as error:
            raise UsageError(f"adapter '{self.start.adapter}': {self._last_words(error)}") from None
        return self._said(answer)

    def _said(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        hello = answer.get("hello")
        if isinstance(hello, dict):
            return hello
        self.close()
        if "missing" in answer:
            raise Missing(str(answer["missing"]), str(answer.get("why")))
        try:
            self._raise(answer)
        except UsageError:
            raise
        except Exception as error:
            told = f"{type(error).__name__}: {error}; mend the adapter"
            raise UsageError(f"adapter '{self.start.adapter}': {told}") from None
        except WorkerDied as nonsense:
            raise UsageError(f"adapter '{self.start.adapter}': {nonsense.detail}; adapters/PROTOCOL.md") from None
        raise UsageError(f"adapter '{self.start.adapter}': its worker does not say hello; adapters/PROTOCOL.md")

    def _restarted(self) -> None:
        """After a death. What kept it from starting once more is a death too."""
        try:
            self.hello()
        except (UsageError, Missing) as error:
            raise WorkerDied(f"its worker does not start again: {error}") from None

    def _last_words(self, error: BaseException) -> str:
        ended = _cause(self._ended())
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self.close()
        why = f"{error}" if isinstance(error, WireError | WorkerDied) else ended
        return f"its worker does not start: {why}: {lines[-1] if lines else 'it said nothing'}"

    def _ready(self, descriptor: int) -> None:
        """Return when it can be read or written.

        Raises EOFError when the process is gone, WorkerDied when it is late.
        """
        assert self._process is not None
        to_read = descriptor == self._channel.reading
        reads = [*([descriptor] if to_read else ()), *([self._watch] if self._watch >= 0 else ())]
        writes = [] if to_read else [descriptor]
        while True:
            left = self._until - time.monotonic()
            if left <= 0:
                self.close()
                raise WorkerDied(f"no result within {self._seconds:g} s: it was killed", "timeout")
            pause = left if self._watch >= 0 else min(left, _GLANCE)
            ready, free, _ = select.select(reads, writes, (), None if pause == float("inf") else pause)
            if descriptor in ready or descriptor in free:
                return
            # A process that it left behind may hold the pipe open for ever.
            if self._process.poll() is not None:
                raise EOFError

    def _dead(self) -> WorkerDied:
        status = self._ended()
        self.close()
        return WorkerDied(_cause(status))

    def _ended(self) -> int | None:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(5)
        return None

    def _raise(self, answer: Mapping[str, Any]) -> None:
        if "fault" in answer:
            raise UsageError(str(answer["fault"]))
        if "error" in answer:
            try:
                error = rebuilt(answer["error"])
            except (LookupError, TypeError, ValueError):
                self.close()
                raise WorkerDied("its worker answers nonsense: an error without words") from None
            raise error


def _own_environment() -> dict[str, str]:
    """What a worker shares with the engine; that there are tests, and which, is nothing to tell a candidate."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


def _cause(status: int | None) -> str:
    if status is None:
        return "the process died"
    if status < 0:
        return f"the process died of {signal.Signals(-status).name}"
    return f"the process ended itself with status {status}"

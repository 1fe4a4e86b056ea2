"""Writing files whole or not at all, and a folder that one run writes to at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from conformance.errors import UsageError

LOCK = ".lock"


@contextlib.contextmanager
def refused_in_one_line(path: Path) -> Iterator[None]:
    """Make a UsageError of what the system says of a place that cannot be written to."""
    try:
        yield
    except OSError as error:
        isa_file = isinstance(error, FileExistsError | NotADirectoryError)
        why = "a file stands where a folder has to be" if isa_file else error.strerror or error
        raise UsageError(f"{path}: cannot be written: {why}; name a place that can be") from None


def write(path: Path, text: str) -> None:
    """Write a file whole, beside its place first: a reader, or a failure, never meets half of it. Raises UsageError."""
    with refused_in_one_line(path):
        place = path.resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and not place.is_file():
            # /dev/stdout is written to, never replaced; a folder says itself that it is one.
            place.write_text(text, encoding="utf-8")
            return
        temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(place)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


class Lock:
    """A folder held by this process. The system lets go of what a dead process held, so no lock is ever stale."""

    def __init__(self, folder: Path) -> None:
        """Hold the folder, which is made. Raises UsageError if another process has it, or if it cannot be written."""
        self.path = folder / LOCK
        with refused_in_one_line(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = self.path.open("a+", encoding="utf-8")
        try:
            _lock(self._file)
        except OSError:
            holder = self._holder()
            self._file.close()
            raise UsageError(
                f"{folder}: process {holder} is writing there; wait until it has ended, or name another --out"
            ) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let go of the folder."""
        if not self._file.closed:
            # Removed while it is held: whoever opens it later opens another file.
            with contextlib.suppress(OSError):
                self.path.unlink()
            self._file.close()

    def _holder(self) -> str:
        self._file.seek(0)
        return self._file.read(32).strip() or "of another user"


def _lock(file: IO[str]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: two runs at once are not noticed there
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # A lock on a file that its holder has removed since is worth nothing.
    if not Path(file.name).exists() or os.fstat(file.fileno()).st_ino != Path(file.name).stat().st_ino:
        raise BlockingIOError

"""The one exception that means "what you gave me is wrong": it becomes one line and exit code 2."""

from __future__ import annotations

from pathlib import Path


class UsageError(Exception):
    """Bad input. The message says what is wrong and what would be right, on one line."""


class ContentError(UsageError):
    """A case, ledger or results file that cannot be used.

    ``file`` and ``entry`` say where; ``wrong`` and ``right`` say what is there and what may be there.
    """

    def __init__(self, file: Path | str, entry: str, wrong: str, right: str) -> None:
        self.file, self.entry, self.wrong, self.right = str(file), entry, wrong, right
        super().__init__(_one_line(f"{file}: {entry}: {wrong}; {right}"))


def _one_line(text: str) -> str:
    return " ".join(text.split())

"""What is raised on purpose: bad input, which becomes one line and exit code 2, and what a framework does not have."""

from __future__ import annotations

from pathlib import Path

_LONGEST = 400  # characters of one part of a message; the lists of known names are shorter


class NotOffered(Exception):
    """Raised by an adapter for a combination that the framework does not have; the message is the reason."""


class UsageError(Exception):
    """Bad input. The message says what is wrong and what would be right, on one line that any terminal prints."""

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message, 4 * _LONGEST))


class ContentError(UsageError):
    """A case, ledger or results file that cannot be used.

    ``file`` and ``entry`` say where; ``wrong`` and ``right`` say what is there and what may be there.
    """

    def __init__(self, file: Path | str, entry: str, wrong: str, right: str) -> None:
        self.file, self.entry, self.wrong, self.right = str(file), entry, wrong, right
        parts = (_one_line(each, _LONGEST) for each in (entry, wrong, right))
        super().__init__("{}: {}: {}; {}".format(file, *parts))


def _one_line(text: str, longest: int) -> str:
    line = " ".join(text[: 4 * longest].split())
    line = line if len(line) <= longest else f"{line[: longest - 60]} ... {line[-50:]}"
    # A file from elsewhere must not send its control characters to the terminal.
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)

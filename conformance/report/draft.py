"""An issue to file: what happens, a script of the framework alone, where, and how the right value is known."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conformance.report.causes import Cause

_TOLD = re.compile(r"# got (.+), exact (.+)$")
_MARKS = re.compile(r"\*|<(?=[A-Za-z/!?])")


def draft(cause: Cause, versions: Sequence[str]) -> str:
    """A whole issue, to copy; ``versions`` are those that were run."""
    return "\n".join(
        [*issue(cause, versions), "", "The exact value was proven by ball arithmetic (sigmoid-xent-conformance)."]
    )


def issue(cause: Cause, versions: Sequence[str]) -> list[str]:
    """Its lines in Markdown: title, reason, script, what it gives and what is exact, where, versions, effect."""
    got, exact = told(cause)
    lines = [f"### {plain(cause['title'] or cause['id'])}", "", plain(cause["reason"]), ""]
    lines += [f"```{_language(cause['reproducer'])}", cause["reproducer"], "```", ""] if cause["reproducer"] else []
    lines += [f"Got: `{got}`; exact: `{exact}`.", ""] if got else []
    lines += [
        f"- **Where:** {plain(cause['rows'][0]['where'])}",
        f"- **Versions:** {', '.join(versions)}",
        f"- **Effect:** {plain(cause['harm'])}",
    ]
    return lines + ([f"- **Right beside it:** {plain(cause['right'])}"] if cause["right"] else [])


def told(cause: Cause) -> tuple[str, str]:
    """What the script prints, and what is exact, as its last line says."""
    found = _TOLD.search(cause["reproducer"].rstrip().rpartition("\n")[2]) if cause["reproducer"] else None
    return (found[1], found[2]) if found else ("", "")


def plain(text: str) -> str:
    """Text in which no emphasis and no tag begins."""
    return _MARKS.sub(lambda mark: f"\\{mark[0]}", text)


def _language(script: str) -> str:
    return "js" if script.startswith(("const ", "import {")) else "python"

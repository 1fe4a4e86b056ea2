"""Tables in Markdown: one line a row, and text that is text."""

from __future__ import annotations

import html
from collections.abc import Sequence


def head(names: Sequence[str]) -> list[str]:
    """The two lines with which a table begins."""
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]


def row(cells: Sequence[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def escaped(text: str) -> str:
    """One line of text that is text: no row, tag or heading begins in it."""
    return " ".join(html.escape(text, quote=False).replace("\\", "\\\\").replace("|", "\\|").split())

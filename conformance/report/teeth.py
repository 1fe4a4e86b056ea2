"""The kill matrix: implementations made wrong on purpose, and the clauses that catch them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.errors import ContentError
from conformance.storage import intake
from conformance.storage.content import PACKAGE

_LISTS = ("expected", "killed_by")


@dataclass(frozen=True)
class Teeth:
    """Clauses, and for each miniature what it is and which clauses caught it."""

    clauses: list[str]
    miniatures: list[dict[str, Any]]

    @property
    def caught(self) -> int:
        """How many miniatures were caught by every clause expected to."""
        return sum(
            bool(each["killed_by"]) and set(each["expected"]) <= set(each["killed_by"]) for each in self.miniatures
        )


def load(path: Path) -> Teeth:
    """Read a kill matrix; raises ContentError if it is none."""
    text = intake.text(path, "name a teeth.json")
    try:
        raw = intake.json_value(text.encode())
    except ValueError as error:
        raise ContentError(path, "file", f"cannot be read ({error})", "name a teeth.json") from None
    right = '{"clauses": [...], "miniatures": [{"name", "idea", "expected": [...], "killed_by": [...]}]}'
    if not isinstance(raw, dict) or not _texts(raw.get("clauses")) or not isinstance(raw.get("miniatures"), list):
        raise ContentError(path, "top level", "it is no kill matrix", right)
    for number, each in enumerate(raw["miniatures"], 1):
        good = (
            isinstance(each, dict)
            and isinstance(each.get("name"), str)
            and all(_texts(each.get(key)) for key in _LISTS)
        )
        if not good:
            raise ContentError(path, f"miniature {number}", "it lacks a name or a list of clauses", right)
    miniatures = [{"idea": "", "framework": "", **each} for each in raw["miniatures"]]
    return Teeth(list(raw["clauses"]), miniatures)


def published() -> Teeth | None:
    """The kill matrix beside the package, in reports/; None if there is none."""
    path = PACKAGE.parent / "reports" / "teeth.json"
    return load(path) if path.is_file() else None


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)

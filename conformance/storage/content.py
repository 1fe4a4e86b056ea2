"""Where cases, adapters and schemas are: inside the installed package first, in the clone second."""

from __future__ import annotations

from pathlib import Path

from conformance.errors import UsageError

PACKAGE = Path(__file__).parents[1]


def folder(name: str) -> Path:
    """The folder ``cases`` or ``adapters``; raises UsageError if neither place has it."""
    # The package folder wins only in a wheel: an editable install leaves a stale copy elsewhere.
    for place in (PACKAGE / name, PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise UsageError(f"no folder '{name}' in {PACKAGE} or {PACKAGE.parent}; reinstall, or run in a clone")


def case_files() -> list[Path]:
    """Every case file, sorted by path."""
    return sorted(folder("cases").rglob("*.toml"))


def adapter_folders() -> dict[str, Path]:
    """Every adapter folder by name: the directory listing is the registry."""
    return {path.parent.name: path.parent for path in sorted(folder("adapters").glob("*/adapter.*"))}

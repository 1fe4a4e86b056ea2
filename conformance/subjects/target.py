"""The name of an implementation that a user brings along: path/to/file.py:name, package.module:name."""

from __future__ import annotations

import functools
from pathlib import Path


def is_target(name: str) -> bool:
    """True for ``path/to/file.py:function`` and ``package.module:function``."""
    return ":" in name


def canonical(name: str, base: Path | None = None) -> str:
    """The name, with the path of a file resolved: from ``base``, or from where the process is.

    One file has many paths. Other names, and names of modules, are left as they are.
    """
    return _resolved(name, base or Path(), Path.cwd()) if ".py:" in name else name


@functools.cache
def _resolved(name: str, base: Path, here: Path) -> str:
    place, _, attribute = name.rpartition(":")
    return f"{here.joinpath(base, place).resolve()}:{attribute}" if place.endswith(".py") else name

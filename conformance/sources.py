"""Whose code a run judged, and by which ledger: hashes of the files, so that a run goes on with the same ones only."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from conformance.ledger import FILE


def hashes(adapters: Mapping[str, Path], targets: Iterable[str], ledger: str = "") -> dict[str, str]:
    """The first 64 bits of the SHA-256 of each file, by what it is.

    ``adapters`` maps names to folders: of each its adapter and its ledger. ``targets`` are implementations that were
    brought along: of each its file, with the files beside and below it that it imported. ``ledger`` is the path of
    their own.
    """
    files: dict[str, Path] = {}
    for name, folder in adapters.items():
        files |= {f"adapter {name}": folder / "adapter.py", f"ledger {name}": folder / FILE}
    for target in targets:
        files |= {f"{target} {path}": path for path in _files(target)}
    if ledger:
        files["ledger"] = Path(ledger)
    return {name: _hash(path) for name, path in sorted(files.items()) if path.is_file()}


def _files(target: str) -> Iterator[Path]:
    place = target.rpartition(":")[0]
    if not place.endswith(".py"):
        found = importlib.util.find_spec(place)
        place = (found.origin if found else "") or ""
    own = Path(place).resolve()
    yield own
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and own.parent in Path(file).resolve().parents and Path(file).resolve() != own:
            yield Path(file)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]

"""Whose code a run judged, and by which ledger: hashes of the files, so that a run goes on with the same ones only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from conformance.records.ledger import FILE


def hashes(adapters: Mapping[str, Path], brought: Mapping[str, Iterable[Path]], ledger: str = "") -> dict[str, str]:
    """The first 64 bits of the SHA-256 of each file, by what it is.

    ``adapters`` maps names to folders: of each its files, and its ledger. ``brought`` maps implementations that were
    brought along to theirs, as worker.candidate.sources names them. ``ledger`` is the path of their own.
    """
    files: dict[str, Path] = {}
    for name, folder in adapters.items():
        files |= {f"adapter {name} {path.name}": path for path in folder.iterdir()}
        files |= {f"adapter {name}": files.pop(f"adapter {name} adapter.py", folder)}
        files |= {f"ledger {name}": files.pop(f"adapter {name} {FILE}", folder)}
    for target, paths in brought.items():
        files |= {f"{target} {path}": path for path in paths}
    if ledger:
        files["ledger"] = Path(ledger)
    return {name: _hash(path) for name, path in sorted(files.items()) if path.is_file()}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]

"""Where something shows, in words that claim what the records show and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from conformance.arithmetic.dtype import DTYPES

_DTYPES = tuple(DTYPES)
Place = tuple[str, str, str]  # implementation, mode, dtype
Block = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def blocks(places: Iterable[Place]) -> list[Block]:
    """The places as products of implementations, modes and dtypes, which together cover them and nothing else."""
    rows: set[tuple[frozenset[str], frozenset[str], frozenset[str]]] = {
        (frozenset([name]), frozenset([mode]), frozenset([dtype])) for name, mode, dtype in places
    }
    for axis in (2, 1, 0):
        merged: dict[tuple[frozenset[str], ...], set[str]] = defaultdict(set)
        for row in rows:
            merged[row[:axis] + row[axis + 1 :]] |= row[axis]
        rows = {(*key[:axis], frozenset(values), *key[axis:]) for key, values in merged.items()}  # type: ignore[misc]
    found = [(tuple(sorted(names)), tuple(sorted(modes)), tuple(by_width(dtypes))) for names, modes, dtypes in rows]
    return sorted(found, key=lambda block: (-len(block[0]) * len(block[1]) * len(block[2]), block))


def told(places: Iterable[Place], most: int = 3) -> str:
    """The places in a line: ``name, name (mode, mode; dtype)``, and how many blocks more."""
    found = blocks(places)
    shown = "; ".join(_block(block) for block in found[:most])
    return shown + (f"; and {len(found) - most} more" if len(found) > most else "")


def by_width(dtypes: Iterable[str]) -> list[str]:
    """The dtypes, widest first."""
    return sorted(dtypes, key=lambda name: (_DTYPES.index(name) if name in _DTYPES else len(_DTYPES), name))


def dtypes(seen: Collection[str]) -> str:
    """The dtypes in words."""
    return "every dtype" if len(seen) == len(_DTYPES) else ", ".join(by_width(seen))


def _block(block: Block) -> str:
    names, modes, seen = block
    return f"{', '.join(names)} ({', '.join(modes)}; {dtypes(seen)})"

"""An error that was raised where an implementation runs, as an exception here: its class, its words, its place."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.adapter import NotOffered

# Builtin errors that checks tell apart. What a candidate's own class is derived from decides, as it does there.
_KINDS = (
    AssertionError, AttributeError, IndexError, KeyError, MemoryError, NameError, NotImplementedError, OSError,
    OverflowError, RecursionError, RuntimeError, TypeError, UnicodeError, ValueError, ZeroDivisionError,
)  # fmt: skip
_LONGEST = 80


class Raised(Exception):
    """An error from elsewhere. ``raised_in`` is the name of the module of its innermost frame."""

    raised_in = ""

    def __init__(self, text: str, raised_in: str) -> None:
        super().__init__(text)
        self.text, self.raised_in = text, raised_in

    def __str__(self) -> str:
        return self.text


class _NotOfferedThere(Raised, NotOffered):
    pass


def rebuilt(told: Mapping[str, Any]) -> Exception:
    """The exception for what a worker tells of one. Raises LookupError, TypeError or ValueError for nonsense."""
    text, raised_in = str(told["text"]), str(told["raised_in"])
    if told.get("not_offered"):
        return _NotOfferedThere(text, raised_in)
    classes = tuple((str(module), str(name)) for module, name in told["classes"])
    return _class(classes)(text, raised_in)


@functools.lru_cache(256)
def _class(classes: Sequence[tuple[str, str]]) -> type[Raised]:
    module, name = classes[0]
    known = {each.__name__: each for each in _KINDS}
    kind = next((known[each] for place, each in classes if place == builtins.__name__ and each in known), None)
    bases = (Raised,) if kind is None else (Raised, kind)
    readable = "".join(each for each in name[:_LONGEST] if each.isidentifier() or each.isdigit()) or "Exception"
    return type(readable, bases, {"__module__": module[:_LONGEST]})

"""What a miniature declares of itself, and the cabinet that holds them all.

To add one: choose the file of its kind, subclass ``Correct``, override the one part that is wrong, put the idea into
the docstring and the clauses that must catch it into ``@miniature``; then
``pytest tests/test_teeth.py --write-teeth`` writes it into the kill matrix.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ALL = "float64 float32 float16 bfloat16"


@dataclass(frozen=True)
class Miniature:
    """``source`` is a thread in which the same mistake was made."""

    name: str
    idea: str
    kind: str
    target: str
    caught_by: tuple[str, ...]
    dtypes: tuple[str, ...]
    mode: str
    framework: str
    source: str


def miniature(caught_by, *, dtypes="float32", mode="eager", framework="pytorch", source=""):
    """Declare a miniature: a subclass of Correct, which becomes its only instance, or a function."""

    def declared(thing: Any) -> Callable[..., Any]:
        function = thing() if inspect.isclass(thing) else thing
        function.miniature = Miniature(
            thing.__name__,
            inspect.getdoc(thing).splitlines()[0].removesuffix("."),
            thing.__module__.rpartition(".")[2],
            f"{thing.__module__}:{thing.__name__}",
            tuple(caught_by.split()),
            tuple(dtypes.split()),
            mode,
            framework,
            source,
        )
        return function

    return declared


def cabinet() -> list[Miniature]:
    """Every miniature, by file and then in the order of the file: the folder's listing is the only registry."""
    modules = [importlib.import_module(f"tests.miniatures.{path.stem}") for path in sorted(FOLDER.glob("*.py"))]
    return [
        thing.miniature
        for module in modules
        for thing in vars(module).values()
        if isinstance(getattr(thing, "miniature", None), Miniature)
    ]

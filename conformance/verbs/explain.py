"""``explain``: the formula step by step on the terminal, in the tensors of each framework that is installed."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.report import anatomy
from conformance.report.anatomy import EXAMPLES, Functions, shape_of


def explain(options: argparse.Namespace) -> int:
    """Print every intermediate with its shape and values."""
    console = Console()
    example = EXAMPLES[options.shape]
    session = open_session(Choice(adapters=tuple(options.adapter)))
    console.print(f"[bold]{example.title}[/]. {example.told}", soft_wrap=True)
    console.print(
        "The add adds two tensors element by element; it sums neither over classes nor over pixels. "
        "Only the mean makes a number.",
        soft_wrap=True,
    )
    offered = {name: adapter.functions() for name, adapter in session.adapters.items()}
    tensors = {name: functions for name, functions in offered.items() if functions} or {"numpy": anatomy.NUMPY}
    for name, functions in tensors.items():
        console.print(_table(name, example, functions))
    for name, reason in session.missing.items():
        console.print(f"{name}: no data: {reason}", soft_wrap=True, markup=False)
    return 0


def _table(name: str, example: anatomy.Example, functions: Functions) -> Table:
    steps = anatomy.steps(example, functions)
    kind = type(steps[0].value)
    table = Table(
        title=f"{name}: {kind.__module__.split('.')[0]}.{kind.__name__}", title_justify="left", show_lines=True
    )
    table.add_column("step")
    table.add_column("shape", no_wrap=True)
    # A row of a matrix stays a row at 80 columns; the words beside it are folded.
    table.add_column("values", no_wrap=True)
    table.add_column("note")
    for step in steps:
        shape = shape_of(step.value)
        table.add_row(
            f"[bold]{step.name}[/]\n{escape(step.formula)}",
            escape(str(list(shape))),
            _values(step.value),
            step.told,
            style="cyan" if not shape else "",
        )
    return table


def _values(value: object) -> str:
    listed = getattr(value, "tolist", None) or getattr(value.numpy(), "tolist")  # type: ignore[attr-defined]  # noqa: B009
    return _rows(listed())


def _rows(values: object) -> str:
    if not isinstance(values, list):
        return f"{values:.4g}"
    if values and isinstance(values[0], list):
        return "\n".join(_rows(each) for each in values)
    return " ".join(f"{each:8.4g}" for each in values)

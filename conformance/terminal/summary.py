"""The table that a run ends with on the terminal: who deviates, at which level, in which state."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from conformance.records.record import Record
from conformance.report.states import LEVELS, STATES, state

Name = tuple[str, str]  # adapter, implementation
Column = tuple[str, str]  # level, state; a state that has no levels worth telling apart has the level ''
_STYLES = {"conforms": "green", "known": "yellow", "unexpected": "bold magenta", "crashed": "bold magenta"}
_BY_LEVEL = ("conforms", "known", "unexpected")


class Summary:
    """Counts of checks by implementation, level and state."""

    def __init__(self) -> None:
        self.counts: dict[Name, Counter[Column]] = {}

    def add(self, check: Record) -> None:
        """Count one check."""
        subject = check["subject"]
        row = self.counts.setdefault((subject["adapter"], subject["implementation"]), Counter())
        row[check["level"], state(check)] += 1

    @property
    def surprising(self) -> bool:
        """True if anything was unexpected."""
        return any(self.total(name) for name in ("unexpected", "crashed"))

    def total(self, name: str) -> int:
        """How many checks are in a state."""
        return sum(count for counts in self.counts.values() for (_, each), count in counts.items() if each == name)

    def print(self, console: Console, roles: Mapping[Name, str] | None = None) -> None:
        """A line an implementation, public functions first; states that nobody is in have no column.

        Where the table is too wide for the terminal, each name has a line of its own and its counts the next one:
        no name is cut.
        """
        role = {name: (roles or {}).get(name, "function") for name in self.counts}
        ordered = sorted(self.counts, key=lambda subject: (role[subject] != "function", subject[0]))
        table = self._table(ordered, role)
        if not self.counts:
            return
        if Measurement.get(console, console.options.update(max_width=10_000), table).maximum <= console.width:
            console.print(table)
            return
        for name in ordered:
            console.print(Text(_title(name, role)), style="dim" if role[name] != "function" else "", soft_wrap=True)
            margin = " " * 3
            told = textwrap.wrap(self._told(name), console.width, initial_indent=margin, subsequent_indent=margin)
            console.print(Text("\n".join(told)))

    def _columns(self) -> list[Column]:
        seen = {key for counts in self.counts.values() for key in counts}
        columns = [(level, name) for level in LEVELS for name in _BY_LEVEL if (level, name) in seen]
        return columns + [
            ("", name) for name in STATES if name not in _BY_LEVEL and any((level, name) in seen for level in LEVELS)
        ]

    def _cell(self, name: Name, column: Column) -> int:
        level, seen = column
        return sum(self.counts[name][each, seen] for each in ([level] if level else LEVELS))

    def _table(self, ordered: list[Name], role: Mapping[Name, str]) -> Table:
        table = Table(title="conformance", title_justify="left")
        table.add_column("implementation", no_wrap=True)
        for level, seen in self._columns():
            table.add_column(f"{level}\n{seen}", justify="right", style=_STYLES.get(seen, "dim"), no_wrap=True)
        for place, name in enumerate(ordered):
            apart, following = role[name] != "function", ordered[place + 1 :][:1]
            table.add_row(
                Text(_title(name, role)),
                *(f"{cell:,}" if (cell := self._cell(name, each)) else "·" for each in self._columns()),
                style="dim" if apart else "",
                end_section=not apart and any(role[each] != "function" for each in following),
            )
        return table

    def _told(self, name: Name) -> str:
        """The counts of one implementation in words."""
        parts: dict[str, list[str]] = {}
        for level, seen in self._columns():
            if cell := self._cell(name, (level, seen)):
                parts.setdefault(level, []).append(f"{cell:,} {'conform' if seen == 'conforms' else seen}")
        return "; ".join(f"{level}: {', '.join(told)}" if level else ", ".join(told) for level, told in parts.items())


def _title(name: Name, role: Mapping[Name, str]) -> str:
    return " ".join(name) + (f" ({role[name]})" if role[name] != "function" else "")

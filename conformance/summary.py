"""What a run ends with on the terminal: who deviates, at which level, in which state; and a bar while it lasts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from conformance.record import Record
from conformance.report.states import LEVELS, STATES, state

_STYLES = {"conforms": "green", "known": "yellow", "unexpected": "bold magenta", "crashed": "bold magenta"}


class Summary:
    """Counts of checks by implementation, level and state."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], Counter[tuple[str, str]]] = {}

    def add(self, check: Record) -> None:
        """Count one check."""
        subject = check["subject"]
        row = self.counts.setdefault((subject["adapter"], subject["implementation"]), Counter())
        row[check["level"], state(check)] += 1

    @property
    def surprising(self) -> bool:
        """True if anything was unexpected."""
        return any(name in ("unexpected", "crashed") for counts in self.counts.values() for _, name in counts)

    def print(self, missing: Mapping[str, str], width: int, roles: Mapping[tuple[str, str], str] | None = None) -> None:
        """A line an implementation, public functions first; states that nobody is in have no column."""
        console = Console(width=max(width, 100) if not sys.stdout.isatty() else None)
        table = Table(title="conformance", title_justify="left")
        table.add_column("framework")
        table.add_column("implementation", overflow="fold")
        seen = {name for counts in self.counts.values() for _, name in counts}
        # Unsupported checks have no level worth telling apart.
        columns = [(level, name) for level in LEVELS for name in ("conforms", "known", "unexpected") if name in seen]
        others = [name for name in STATES if name not in ("conforms", "known", "unexpected") and name in seen]
        for level, name in columns:
            table.add_column(f"{level}\n{name}", justify="right", style=_STYLES[name])
        for other in others:
            table.add_column(f"\n{other}", justify="right", style=_STYLES.get(other, "dim"))
        role = {name: (roles or {}).get(name, "function") for name in self.counts}
        ordered = sorted(self.counts, key=lambda subject: (role[subject] != "function", subject[0]))
        for place, subject in enumerate(ordered):
            counts, following = self.counts[subject], ordered[place + 1 :][:1]
            cells = [counts[key] for key in columns]
            cells += [sum(counts[level, other] for level in LEVELS) for other in others]
            apart = role[subject] != "function"
            table.add_row(
                subject[0],
                f"{subject[1]} ({role[subject]})" if apart else subject[1],
                *(f"{cell:,}" if cell else "·" for cell in cells),
                style="dim" if apart else "",
                end_section=not apart and any(role[each] != "function" for each in following),
            )
        if self.counts:
            console.print(table)
        for adapter, reason in missing.items():
            console.print(f"no data  {adapter}: {reason}", markup=False, soft_wrap=True)


class Bar:
    """A progress bar on a terminal instead of pytest's dots."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self.task: Any = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The items are known, in the only process."""
        if session.items:
            self._start(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The items are known, in a worker."""
        self._start(len(ids))

    def pytest_runtest_logfinish(self) -> None:
        """One item less."""
        if self.task is not None:
            self.progress.advance(self.task)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No dot for what needs no attention: it would tear the bar."""
        if report.passed and report.when != "call":
            return None
        return ("passed" if report.passed else "skipped", "", "") if report.passed or report.skipped else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Leave the terminal as it was."""
        if self.task is not None:
            self.progress.stop()

    def _start(self, total: int) -> None:
        if self.task is None:
            self.task = self.progress.add_task("judging", total=total)
            self.progress.start()


def wants_bar(config: pytest.Config) -> bool:
    """True on a terminal, unless pytest was asked to talk or to show what is printed."""
    return sys.stderr.isatty() and config.option.verbose < 0 and config.option.capture != "no"

"""A bar while a run lasts, in place of pytest's dots."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bar:
    """A progress bar on a terminal."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self.task: Any = None
        self.unexpected = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The items are known, in the only process."""
        if session.items:
            self._start(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The items are known, in a worker."""
        self._start(len(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what is unexpected: its letter would tear the bar."""
        if report.failed and self.task is not None:
            self.unexpected += 1
            self.progress.update(self.task, description=f"judging, {self.unexpected} unexpected")

    def pytest_runtest_logfinish(self) -> None:
        """One item less."""
        if self.task is not None:
            self.progress.advance(self.task)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No dot and no letter: they would tear the bar."""
        if report.passed and report.when != "call":
            return None
        if report.failed:
            return ("failed" if report.when == "call" else "error"), "", ""
        return ("passed" if report.passed else "skipped"), "", ""

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

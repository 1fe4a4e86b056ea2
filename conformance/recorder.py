"""Writes results.jsonl as reports arrive, in the only process or in xdist's controller, and the page at the end."""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance import context, loader, record, smoke, sources
from conformance.asked import Heard
from conformance.errors import UsageError
from conformance.report import page
from conformance.session import Choice, Session, describe, session_of
from conformance.subject import Subject
from conformance.summary import Summary
from conformance.target import is_target

SUITE = Path(__file__).parent / "suite"
RESULTS = "results.jsonl"


def judges(config: pytest.Config) -> bool:
    """True if pytest was asked for the suite, or a part of it, and not for other tests."""
    paths = [Path(_place(str(each).split("::", 1)[0])).resolve() for each in config.args]
    return any(path == SUITE or SUITE in path.parents or path in SUITE.parents for path in paths)


def _place(argument: str) -> str:
    """Where an argument of --pyargs lies."""
    if Path(argument).exists():
        return argument
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(argument)
        if spec is not None and spec.origin:
            return str(Path(spec.origin).parent if spec.submodule_search_locations else spec.origin)
    return argument


class Recorder:
    """A pytest plugin with the life of one run."""

    def __init__(self, config: pytest.Config, choice: Choice, out: Path, options: dict[str, Any]) -> None:
        self.config, self.choice, self.out, self.options = config, choice, out, options
        self.writer: record.Writer | None = None
        self.summary = Summary()
        self.heard = Heard()
        self.shortfalls: list[str] = []

    @property
    def session(self) -> Session:
        """The session of this process."""
        return session_of(self.choice)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Open the session before anything is overwritten: a bad choice must lose nothing."""
        try:
            self._open(self.config.getoption("xent_resume"))
        except UsageError as error:
            pytest.exit(f"conformance: error: {error}", returncode=2)

    def _open(self, resume: bool) -> None:
        path = self.out / RESULTS
        for name, adapter in self.session.adapters.items():
            subjects = [each.subject for each in self.session.runners if each.subject.adapter == name]
            smoke.check(
                name, adapter, sorted({each.device for each in subjects}), sorted({each.mode for each in subjects})
            )
        head = self._head()
        recorded = record.unbroken(path) if resume else []
        if recorded:
            record.require_same_run(recorded[0], head, path)
        self.writer = record.Writer(path, append=bool(recorded))
        known = {record.line(each) for each in recorded if each["record"] != "check"}
        for each in (*(() if recorded else (head,)), *context.records(self.session)):
            if (text := record.line(each)) not in known:
                self.writer.write(text)
        for each in recorded:
            self._count(each)
        self.session.done.update(checks_of(recorded))

    def _head(self) -> record.Record:
        session = self.session
        return record.run_record(
            {name: describe(adapter) for name, adapter in session.adapters.items()},
            session.missing,
            session.deviations(),
            self.options,
            datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            sources.hashes(session.folders, filter(is_target, self.choice.implementations), self.choice.ledger),
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the item's checks."""
        for text in getattr(report, "conformance", ()):
            self._count(json.loads(text))
            if self.writer is not None:
                self.writer.write(text)

    def _count(self, each: record.Record) -> None:
        if each["record"] == "check":
            self.summary.add(each)
        if each["record"] in ("check", "curve", "speed"):
            self.heard.add(each)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Close the records and make the page."""
        if self.writer is None:
            return
        self.writer.close()
        if session.exitstatus in (0, 5) and self.summary.surprising:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        named = [loader.locate(name)[0] for name in self.choice.adapters]
        self.shortfalls = list(self.heard.shortfalls(named, self.choice.implementations, self.session.missing))
        # An exit code of 0 says that what was asked for was judged. What was not is the asker's to mend, as a usage is.
        if self.shortfalls and session.exitstatus in (0, 5):
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        runs = [list(record.read(self.out / RESULTS))]
        page.write(page.merge(runs), self.out / "index.html")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """A line an implementation, and where the records are."""
        if self.writer is None:
            return
        terminalreporter.section("conformance")
        roles = {
            (each.subject.adapter, each.implementation.name): each.implementation.role for each in self.session.runners
        }
        self.summary.print(self.session.missing, terminalreporter._tw.fullwidth, roles)
        for name, reason in self.heard.unheard.items():
            terminalreporter.write_line(f"not judged: {' '.join(name)}" + (f": {reason}" if reason else ""))
        for line in self.shortfalls:
            terminalreporter.write_line(f"no pass: {line}")
        terminalreporter.write_line(f"records: {self.out / 'results.jsonl'}, page: {self.out / 'index.html'}")


def checks_of(records: Sequence[record.Record]) -> Iterator[tuple[str, str, str]]:
    """Subject, clause and case of the checks that a file records; of a curve and a time, what stands there."""
    for each in records:
        if each["record"] == "check":
            yield Subject(**each["subject"]).id, each["clause"], each["case"]
        elif each["record"] == "curve":
            yield Subject(**each["subject"]).id, "curve", ""
        elif each["record"] == "speed":
            yield Subject(**each["subject"]).id, "speed", str(each.get("workload", ""))

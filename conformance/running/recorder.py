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

from conformance.errors import UsageError
from conformance.judging import context
from conformance.judging.choice import Choice
from conformance.judging.opening import session_of
from conformance.judging.session import Session
from conformance.records import record, sources
from conformance.remote.link import Limits
from conformance.report import page
from conformance.speed.clock import NOT_TIMED
from conformance.storage.files import Lock
from conformance.subjects import smoke
from conformance.subjects.subject import Subject
from conformance.terminal.closing import Closing, LastWords

SUITE = Path(__file__).parents[1] / "suite"
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

    def __init__(
        self, config: pytest.Config, choice: Choice, limits: Limits | None, out: Path, options: dict[str, Any]
    ) -> None:
        self.config, self.choice, self.limits, self.out, self.options = config, choice, limits, out, options
        self.writer: record.Writer | None = None
        self.lock: Lock | None = None
        self.closing = Closing(out)

    @property
    def session(self) -> Session:
        """The session of this process."""
        return session_of(self.choice, self.limits)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Open the session before anything is overwritten: a bad choice must lose nothing."""
        try:
            self._open(self.config.getoption("xent_resume"))
        except UsageError as error:
            if (last := self._last_words()) is not None:
                last.refusal = error
                raise pytest.UsageError from None
            pytest.exit(f"conformance: error: {error}", returncode=2)

    def _last_words(self) -> LastWords | None:
        """Who speaks when pytest has ended, if anybody does."""
        return next((each for each in self.config.pluginmanager.get_plugins() if isinstance(each, LastWords)), None)

    def _open(self, resume: bool) -> None:
        path = self.out / RESULTS
        for name, adapter in self.session.adapters.items():
            subjects = [each.subject for each in self.session.runners if each.subject.adapter == name]
            smoke.check(
                name, adapter, sorted({each.device for each in subjects}), sorted({each.mode for each in subjects})
            )
        head = self._head()
        self.lock = Lock(self.out)
        recorded = record.unbroken(path) if resume else []
        if recorded:
            record.require_same_run(recorded[0], head, path)
        self.writer = record.Writer(path, append=bool(recorded))
        self.closing.session = self.session
        known = {record.line(each) for each in recorded if each["record"] != "check"}
        for each in (*(() if recorded else (head,)), *context.records(self.session)):
            if (text := record.line(each)) not in known:
                self.writer.write(text)
        for each in recorded:
            self.closing.add(each)
        self.session.done.update(checks_of(recorded))
        if self.config.getoption("dist", "no") != "no":
            self.session.close()  # xdist's processes have workers of their own

    def _head(self) -> record.Record:
        session = self.session
        return record.run_record(
            session.described(),
            session.missing,
            session.deviations(),
            self.options,
            datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            sources.hashes(session.folders, session.sources(), self.choice.ledger),
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the item's checks; what failed without one is no verdict, but a fault."""
        found = [json.loads(text) for text in getattr(report, "conformance", ())]
        for each in found:
            self.closing.add(each)
            if self.writer is not None:
                self.writer.write(record.line(each))
        if report.skipped and NOT_TIMED in report.longreprtext:
            reason = report.longreprtext.partition(NOT_TIMED)[2].strip("') \n")
            self.closing.untimed.append(f"{report.nodeid.partition('[')[2].removesuffix(']')}: {reason}")
        if report.failed and all(each.get("expected", True) for each in found):
            self._fault(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module of the suite that could not be collected."""
        if report.failed:
            self._fault(report)

    def _fault(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        last = next((line for line in reversed(report.longreprtext.splitlines()) if line.strip()), "")
        self.closing.faults.append(f"{report.nodeid}: {last.strip()}; --details shows where")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C is no failure: what is recorded need not be judged again."""
        if excinfo.errisinstance(KeyboardInterrupt):
            self.closing.stopped = "the same command with --resume"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Close the records and make the page."""
        if self.writer is None:
            return
        closing = self.closing
        if session.exitstatus in (0, 5) and closing.summary.surprising:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        named = [self.session.labels[name] for name in self.choice.adapters]
        closing.shortfalls = list(closing.heard.shortfalls(named, self.choice.implementations, self.session.missing))
        # An exit code of 0 says that what was asked for was judged. What was not is the asker's to mend, as a usage is.
        if closing.shortfalls and session.exitstatus in (0, 5):
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        try:
            self.writer.close()
        except UsageError as error:
            closing.faults.append(str(error))
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        try:
            page.write(page.merge([list(record.read(self.out / RESULTS))]), self.out / "index.html")
        except UsageError as error:
            closing.faults.append(f"no page: {error}")
            session.exitstatus = pytest.ExitCode.INTERRUPTED

    def pytest_unconfigure(self) -> None:
        """Let others write to --out."""
        if self.lock is not None:
            self.lock.release()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """What a run says last, unless somebody says it when pytest has ended."""
        if self.writer is None:
            return
        if (last := self._last_words()) is not None:
            last.closing = self.closing
            return
        terminalreporter.section("conformance")
        self.closing.say()


def checks_of(records: Sequence[record.Record]) -> Iterator[tuple[str, str, str]]:
    """Subject, clause and case of the checks that a file records; of a curve and a time, what stands there."""
    for each in records:
        if each["record"] == "check":
            yield Subject(**each["subject"]).id, each["clause"], each["case"]
        elif each["record"] == "curve":
            yield Subject(**each["subject"]).id, "curve", ""
        elif each["record"] == "speed":
            yield Subject(**each["subject"]).id, "speed", str(each.get("workload", ""))

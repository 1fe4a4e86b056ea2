"""The pytest plugin: options, test items, records. Loaded with ``-p conformance.plugin``."""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from conformance import case, record
from conformance.docket import Docket, Unexpected
from conformance.errors import UsageError
from conformance.report import page
from conformance.session import Choice, Session, describe, open_session

SUITE = Path(__file__).parent / "suite"
DEFAULT_OUT = "reports/out"
_OPTIONS = {
    "adapter": "only this adapter (repeatable)",
    "implementation": "only this implementation, or your own: path/to/file.py:function, package.module:function",
    "device": "only this device: cpu or gpu",
    "dtype": "only this dtype: float64, float32, float16 or bfloat16",
    "mode": "only this mode: eager, compiled, ...",
    "clause": "only clauses that match this glob: V3, 'G*'",
    "case": "only cases that match this glob: 'values/*'",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's options; pytest's own --strict also ignores the ledgers."""
    group = parser.getgroup("conformance", "sigmoid cross-entropy conformance")
    for name, text in _OPTIONS.items():
        group.addoption(f"--{name}", action="append", default=[], metavar=name.upper(), dest=f"xent_{name}", help=text)
    group.addoption(
        "--out", default=DEFAULT_OUT, metavar="DIR", dest="xent_out", help="where results.jsonl and index.html go"
    )


def choice_of(config: pytest.Config) -> Choice:
    """The choice that the options make."""
    chosen = {f"{name}s": tuple(config.getoption(f"xent_{name}")) for name in _OPTIONS}
    return Choice(**chosen, strict=bool(config.getoption("strict", False)))


def pytest_configure(config: pytest.Config) -> None:
    """Start the recorder where the reports arrive: in the only process, or in xdist's controller."""
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        config.pluginmanager.register(Recorder(config), "conformance-recorder")


@functools.cache
def session_of(choice: Choice) -> Session:
    """The session of this process."""
    return open_session(choice)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """An item for each subject and case that the module's CHECKS can judge."""
    checks = getattr(metafunc.module, "CHECKS", None)
    if checks is None or "docket" not in metafunc.fixturenames:
        return
    try:
        session = session_of(choice_of(metafunc.config))
    except UsageError as error:
        pytest.exit(f"conformance: error: {error}", returncode=2)
    names = {name for name in checks if session.clause_chosen(name)}
    chosen = [each for each in case.load_all() if names.intersection(each.clauses) and session.case_chosen(each.id)]
    dockets, ids = [], []
    for runner in session.runners:
        for each in chosen:
            if runner.subject.dtype in each.dtypes:
                dockets.append(Docket(session, runner, each))
                ids.append(f"{runner.subject.id}|{each.id}")
    metafunc.parametrize("docket", dockets, ids=ids)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the records to the report: it is what travels from xdist's workers."""
    unexpected = call.excinfo is not None and call.excinfo.errisinstance(Unexpected)
    if unexpected:
        # Formatting a traceback into the suite costs more than most checks, and says less than the message.
        item.repr_failure = lambda excinfo: str(excinfo.value)  # type: ignore[assignment,method-assign,misc]
    report = yield
    docket = item.callspec.params.get("docket") if hasattr(item, "callspec") else None
    if isinstance(docket, Docket) and report.when == "call":
        report.conformance = [record.line(each) for each in docket.records]  # type: ignore[attr-defined]
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a subject on one worker, so that it compiles once."""
    from xdist.scheduler import LoadScopeScheduling

    class BySubject(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.split("[", 1)[-1].split("|", 1)[0]

    return BySubject(config, log)


class Recorder:
    """Writes results.jsonl as reports arrive, and the page at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.out = Path(config.getoption("xent_out"))
        self.writer: record.Writer | None = None
        self.counts: dict[str, int] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Open the session before anything is overwritten: a bad choice must lose nothing."""
        if not self._judging():
            return
        try:
            session = session_of(choice_of(self.config))
        except UsageError as error:
            pytest.exit(f"conformance: error: {error}", returncode=2)
        self.writer = record.Writer(self.out / "results.jsonl")
        self.writer.write(
            record.line(
                record.run_record(
                    {name: describe(adapter) for name, adapter in session.adapters.items()},
                    session.missing,
                    {name: session.ledgers[name].texts() for name in session.adapters},
                    {name: list(self.config.getoption(f"xent_{name}")) for name in _OPTIONS},
                    datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                )
            )
        )

    def _judging(self) -> bool:
        paths = [Path(str(each).split("::", 1)[0]).resolve() for each in self.config.args]
        return any(path == SUITE or SUITE in path.parents or path in SUITE.parents for path in paths)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the item's checks."""
        for text in getattr(report, "conformance", ()):
            each = json.loads(text)
            state = each["outcome"] if each["expected"] else f"unexpected {each['outcome']}"
            state = "known deviation" if state in ("deviates", "errored") else state
            self.counts[state] = self.counts.get(state, 0) + 1
            if self.writer is not None:
                self.writer.write(text)

    def pytest_sessionfinish(self) -> None:
        """Close the records and make the page."""
        if self.writer is None:
            return
        self.writer.close()
        runs = [list(record.read(self.out / "results.jsonl"))]
        page.write(page.merge(runs), self.out / "index.html")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """One line a state, and where the records are."""
        if self.writer is None:
            return
        terminalreporter.section("conformance")
        for state, count in sorted(self.counts.items(), key=lambda item: -item[1]):
            terminalreporter.write_line(f"{count:8d}  {state}")
        for name, reason in session_of(choice_of(self.config)).missing.items():
            terminalreporter.write_line(f" no data  {name}: {reason}")
        terminalreporter.write_line(f"records: {self.out / 'results.jsonl'}, page: {self.out / 'index.html'}")

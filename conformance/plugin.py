"""The pytest plugin: options, test items, records. Loaded with ``-p conformance.plugin``."""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import UsageError
from conformance.judging import context
from conformance.judging.choice import Choice
from conformance.judging.docket import Docket, Unexpected
from conformance.judging.opening import session_of
from conformance.judging.session import Session
from conformance.records import record
from conformance.remote.link import Limits
from conformance.running.judge import Judge
from conformance.running.recorder import RESULTS, SUITE, Recorder, checks_of, judges
from conformance.speed.workload import workloads
from conformance.subjects.curve import Curve
from conformance.subjects.threads import cores
from conformance.terminal.bar import Bar, wants_bar

DEFAULT_OUT = "reports/out"
SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "resume": ({"action": "store_true"}, "go on with the run that was broken off in --out"),
    "check-timeout": (
        {"type": float, "default": Limits.seconds, "metavar": "SECONDS"},
        "kill a check that takes longer, compilation included (default: %(default)s)",
    ),
    "memory-limit": (
        {"type": float, "default": Limits.gibibytes, "metavar": "GIB"},
        "let allocations of the judging process fail beyond this (default: no limit)",
    ),
    "ledger": (
        {"default": "", "metavar": "FILE"},
        "the known deviations of your own implementation (`python -m conformance ledger` writes one)",
    ),
    "seed": ({"type": int, "default": 0, "metavar": "N"}, "draw other inputs for the laws (default: %(default)s)"),
    "threads": (
        {"type": int, "default": 0, "metavar": "N"},
        "threads, and cores, that each framework may use (default with --benchmark-only: all; else its own choice)",
    ),
    "quick": (
        {"action": "store_true"},
        "only the part that still fails every wrong implementation that the suite is tested with: seconds a subject",
    ),
    "thorough": (
        {"action": "store_true"},
        "also every combination of three conditions of a call, not of two (chapter C), and a process for each of an "
        "adapter's ambient switches (clause L9): minutes a subject",
    ),
    "in-process": (
        {"action": "store_true"},
        "run implementations in pytest's own process, for a debugger: a subject that crashes ends the run",
    ),
    "details": (
        {"action": "store_true"},
        "print each unexpected check at length, with its element and a script (pytest's -v and --tb do, too)",
    ),
}
CHOICES = {
    "adapter": (
        "NAME",
        "only this framework; NAME@PYTHON: that of another Python; NAME==VERSION: one that is installed for the suite",
    ),
    "implementation": (
        "NAME_OR_TARGET",
        "only this implementation, or your own: path/to/file.py:function, package.module:function",
    ),
    "device": ("DEVICE", "only cpu or gpu"),
    "dtype": ("DTYPE", "only float64, float32, float16 or bfloat16"),
    "mode": ("MODE", "only this mode: eager, compiled, ..."),
    "clause": ("GLOB", "only clauses that match a glob: V3, 'G*'"),
    "case": ("GLOB", "only cases that match a glob: 'values/*'"),
    "workload": ("GLOB", "with --benchmark-only: only workloads that match a glob: 'backward-mean-*-2^20'"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's options; pytest's own --strict also ignores the ledgers."""
    group = parser.getgroup("conformance", "sigmoid cross-entropy conformance")
    for name, (metavar, text) in CHOICES.items():
        group.addoption(f"--{name}", action="append", default=[], metavar=metavar, dest=f"xent_{name}", help=text)
    for name, (settings, text) in SETTINGS.items():
        group.addoption(f"--{name}", dest=f"xent_{name.replace('-', '_')}", help=text, **settings)
    group.addoption(
        "--out", default=DEFAULT_OUT, metavar="DIR", dest="xent_out", help="where results.jsonl and index.html go"
    )


def choice_of(config: pytest.Config) -> Choice:
    """The choice that the options make."""
    chosen = {f"{name}s": tuple(config.getoption(f"xent_{name}")) for name in CHOICES}
    strict = bool(config.getoption("strict", False))
    return Choice(
        **chosen,
        strict=strict,
        ledger=config.getoption("xent_ledger"),
        seed=config.getoption("xent_seed"),
        quick=config.getoption("xent_quick"),
        thorough=config.getoption("xent_thorough"),
        threads=threads_of(config.getoption("xent_threads"), timing(config)),
    )


def threads_of(asked: int, timed: bool) -> int:
    """How many threads each framework gets; 0 leaves it to itself, which no timing does."""
    return asked or (cores() if timed else 0)


def limits_of(here: bool, debugged: bool, limits: Limits) -> Limits | None:
    """The limits of workers; None where implementations run in this process: for a debugger."""
    return None if here or debugged else limits


def _limits(config: pytest.Config) -> Limits | None:
    limits = Limits(config.getoption("xent_check_timeout"), config.getoption("xent_memory_limit"))
    return limits_of(config.getoption("xent_in_process"), config.option.usepdb, limits)


def timing(config: pytest.Config) -> bool:
    """True if pytest was asked to measure, and not to judge."""
    return bool(config.getoption("benchmark_only", False))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the recorder where the reports arrive: in the only process, or in xdist's controller."""
    if judges(config) and not hasattr(config, "workerinput") and not config.option.collectonly:
        options: dict[str, Any] = {name: list(config.getoption(f"xent_{name}")) for name in CHOICES}
        options |= {"seed": config.getoption("xent_seed"), "strict": choice_of(config).strict}
        options |= {name: True for name in ("quick", "thorough") if config.getoption(f"xent_{name}")}
        recorder = Recorder(config, choice_of(config), _limits(config), Path(config.getoption("xent_out")), options)
        config.pluginmanager.register(recorder, "conformance-recorder")
        _be_brief(config)
        if wants_bar(config):
            config.pluginmanager.register(Bar(), "conformance-bar")


def _be_brief(config: pytest.Config) -> None:
    """Thousands of checks can fail of one cause: what is said at the end says it once, unless more is asked for."""
    if config.option.tbstyle == "auto" and config.option.verbose <= 0:
        config.option.tbstyle = "short" if config.getoption("xent_details") else "no"
        if config.option.reportchars == "fE":  # the default
            config.option.reportchars = ""


@functools.cache
def _session(config: pytest.Config) -> Session:
    """The session of this process; one of xdist's workers must learn what a resumed run has recorded."""
    try:
        choice = choice_of(config)
        workloads(choice.workloads)
        session = session_of(choice, _limits(config))
    except UsageError as error:
        pytest.exit(f"conformance: error: {error}", returncode=2)
    if hasattr(config, "workerinput") and config.getoption("xent_resume"):
        session.done.update(checks_of(list(record.read(Path(config.getoption("xent_out")) / RESULTS))))
    return session


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of the suite, --benchmark-only asks for the one module that measures, and nothing else does."""
    if collection_path.parent != SUITE or not collection_path.name.startswith("test_"):
        return None
    return True if (collection_path.name == "test_speed.py") != timing(config) else None


@pytest.fixture(scope="session")
def judge(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """Who hears the checks."""
    session = _session(request.config)
    yield Judge(session, _limits(request.config) or Limits())
    session.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """An item for each subject and case that the module's CHECKS can judge; for each curve; for each workload."""
    if "curve" in metafunc.fixturenames:
        _generate_curves(metafunc)
    if "trial" in metafunc.fixturenames:
        _generate_trials(metafunc)
    checks = getattr(metafunc.module, "CHECKS", None)
    if checks is None or "docket" not in metafunc.fixturenames:
        return
    session = _session(metafunc.config)
    names = {name for name in checks if session.clause_chosen(name)}
    dockets, ids = [], []
    for runner in session.runners:
        for each in session.cases_of(runner):
            if names.intersection(each.clauses):
                dockets.append(Docket(session, runner, each))
                ids.append(f"{runner.subject.id}|{each.id}")
    metafunc.parametrize("docket", dockets, ids=ids)


def _generate_curves(metafunc: pytest.Metafunc) -> None:
    session = _session(metafunc.config)
    runners = [each for each in session.on_logits if (each.subject.id, "curve", "") not in session.done]
    if not context.curves_chosen(session):
        runners = []
    metafunc.parametrize(
        "curve", [Curve(each) for each in runners], ids=[f"{each.subject.id}|curve" for each in runners]
    )


def _generate_trials(metafunc: pytest.Metafunc) -> None:
    # numba takes longer to import than most runs take to begin.
    from conformance.speed.trial import Trial

    session = _session(metafunc.config)
    trials = [
        Trial(runner, workload)
        for device in sorted({each.subject.device for each in session.on_logits})
        for workload in workloads(session.choice.workloads, device)
        for runner in session.on_logits
        if runner.subject.device == device and (runner.subject.id, "speed", workload.name) not in session.done
    ]
    metafunc.parametrize("trial", trials, ids=[each.id for each in trials])


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
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    subject = next((parameters[name] for name in ("docket", "curve", "trial") if name in parameters), None)
    if subject is not None and report.when == "call":
        report.conformance = [record.line(each) for each in subject.records]  # type: ignore[attr-defined]
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a subject on one worker, so that it compiles once; of other tests, a module, for its fixtures' sake."""
    from xdist.scheduler import LoadScopeScheduling

    class BySubject(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            subject, bar, _ = nodeid.split("[", 1)[-1].partition("|")
            return subject if bar else nodeid.split("::", 1)[0]

    return BySubject(config, log)

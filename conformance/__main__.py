"""The command line: ``python -m conformance VERB``. Exit codes: 0 as expected, 1 unexpected, 2 usage."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import UsageError
from conformance.judging.choice import Choice
from conformance.judging.opening import session_of
from conformance.plugin import CHOICES, DEFAULT_OUT, SETTINGS, limits_of, threads_of
from conformance.remote import environments
from conformance.remote.link import Limits
from conformance.running.recorder import SUITE
from conformance.speed import command as speed
from conformance.speed.workload import workloads
from conformance.sweep import command as sweep
from conformance.terminal.closing import LastWords
from conformance.verbs import bisect, commands, doctor, reporting


class Parser(argparse.ArgumentParser):
    """One line for a usage error, exit code 2."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Print the line and stop."""
        self.exit(2, f"conformance: error: {message}; see `python -m conformance {self._verb()}--help`\n")

    def _verb(self) -> str:
        words = self.prog.split()
        return f"{words[-1]} " if len(words) > 1 and words[-1] != "conformance" else ""


def parser() -> Parser:
    """The command line's grammar."""
    root = Parser(prog="python -m conformance", description=__doc__)
    verbs = root.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)

    run = verbs.add_parser(
        "run",
        help="run the suite",
        description="Run the suite; write DIR/results.jsonl and DIR/index.html.",
        epilog="What follows -- is passed on to pytest: -- -n 2, -- -x, -- --junitxml=FILE.",
    )
    _add_choices(run)
    run.add_argument("--out", default=DEFAULT_OUT, metavar="DIR", help="where the results go (default: %(default)s)")
    run.add_argument("--strict", action="store_true", help="ignore the ledgers: every deviation is unexpected")
    for name, (settings, text) in SETTINGS.items():
        run.add_argument(f"--{name}", help=text, **settings)

    reporting.add_parsers(verbs)
    sweep.add_parser(verbs)
    speed.add_parser(verbs)
    environments.add_parser(verbs)
    doctor.add_parser(verbs)
    bisect.add_parser(verbs)

    listing = verbs.add_parser("list", help="list adapters, clauses or cases")
    listing.add_argument(
        "what",
        nargs="?",
        default="adapters",
        choices=("adapters", "clauses", "cases", "spec"),
        help="adapters with their implementations (default), clauses, cases, or SPEC.md's text",
    )
    listing.add_argument(
        "--run",
        action="append",
        default=[],
        type=Path,
        metavar="RUN.jsonl",
        help="for spec: say of each bound how near to it a conforming function of these runs came (repeatable)",
    )

    prove = verbs.add_parser("prove", help="prove the golden values of cases")
    prove.add_argument("cases", nargs="*", type=Path, metavar="CASE.toml", help="case files (default: all)")
    prove.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if a file is not byte for byte what is proven"
    )

    promote = verbs.add_parser("promote", help="make golden cases of what random search found")
    promote.add_argument("run", type=Path, metavar="RUN.jsonl", help="results of a run (with --seed N, other inputs)")
    promote.add_argument("--all", action="store_true", help="the known deviations too, not only the unexpected ones")
    promote.add_argument("--out", type=Path, metavar="FOLDER", help="where the cases go (default: cases/)")

    ledger = verbs.add_parser("ledger", help="write a ledger from a run")
    ledger.add_argument("run", type=Path, metavar="RUN.jsonl", help="results of a run")
    ledger.add_argument("--adapter", metavar="NAME", help="whose ledger (default: the run's only adapter)")
    ledger.add_argument(
        "--out",
        type=Path,
        metavar="FILE.toml",
        help="the ledger to write (default: the adapter's own, or ./deviations.toml); reasons in it are kept",
    )
    ledger.add_argument(
        "--versions",
        metavar="SPECIFIER",
        help="say only what the run shows otherwise than the ledger lists, and for these versions: '<0.22', or "
        "'optax<0.2.6' for those of a package beside the framework",
    )
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        own, rest = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
        options = parser().parse_args(own)
        if options.verb == "run":
            return _run(options, rest, _resuming(own, rest))
        rooms = {
            "sweep": sweep.run,
            "duel": speed.run,
            "environments": environments.command,
            "doctor": doctor.command,
            "bisect": bisect.command,
        }
        return {**commands.VERBS, **reporting.VERBS, **rooms}[options.verb](options)
    except KeyboardInterrupt:
        print("conformance: stopped by Ctrl-C", file=sys.stderr)
        return 2
    except UsageError as error:
        print(f"conformance: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _add_choices(verb: argparse.ArgumentParser) -> None:
    for name, (metavar, text) in CHOICES.items():
        verb.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=f"{text} (repeatable)")


def _quiet(extra: Sequence[str]) -> list[str]:
    """Options that keep pytest's own last line away, unless it is asked to talk."""
    return [] if any(each == "--verbose" or re.fullmatch("-v+", each) for each in extra) else ["-qq"]


def _resuming(own: Sequence[str], rest: Sequence[str]) -> str:
    resumed = [*own, *(["--resume"] if "--resume" not in own else [])]
    return shlex.join(["python", "-m", "conformance", *resumed, *(["--", *rest] if rest else [])])


def _run(options: argparse.Namespace, extra: Sequence[str], again: str) -> int:
    chosen: dict[str, Any] = {f"{name}s": tuple(getattr(options, name)) for name in CHOICES}
    threads = threads_of(options.threads, "--benchmark-only" in extra)
    chosen |= {name: getattr(options, name) for name in ("strict", "ledger", "seed", "quick", "thorough")}
    limits = Limits(options.check_timeout, options.memory_limit)
    limited = limits_of(options.in_process, "--pdb" in extra, limits)
    workloads(chosen["workloads"])  # a name that is none is told before anything starts
    session_of(Choice(**chosen, threads=threads), limited)
    arguments = ["-p", "conformance.plugin", "--import-mode=importlib", "-c", os.devnull, f"--rootdir={SUITE.parent}"]
    arguments += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    arguments += ["-p", "no:cacheprovider", *_quiet(extra), f"--out={options.out}"]
    arguments += [f"--{name}={value}" for name in CHOICES for value in getattr(options, name)]
    flags = [name for name, (settings, _) in SETTINGS.items() if "action" in settings]
    arguments += [f"--{name}" for name in ("strict", *flags) if getattr(options, name.replace("-", "_"))]
    arguments += [f"--{name}={getattr(options, name.replace('-', '_'))}" for name in SETTINGS if name not in flags]
    last = LastWords()
    code = int(pytest.main([*arguments, *extra, str(SUITE)], plugins=[last]))
    last.say(again)
    # pytest says 5 for "no tests ran": a choice that leaves nothing to judge is not a pass.
    return {0: 0, 1: 1, 5: 2}.get(code, code if code == 2 else 2)


if __name__ == "__main__":
    sys.exit(main())

"""The command: stages in order of value, each with a limit of its own; DIR has at any moment what there is by then.

Exit code 0: every stage ran. 1: a stage is missing, or was cut off. 2: nothing could run at all.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from benchmarks.gpu.account import Account
from benchmarks.gpu.here import look
from benchmarks.gpu.plan import SCALES, Settings, Stage, stages
from benchmarks.gpu.step import Cut, run_stage


def main() -> int:
    """Run the stages and say in one line what became of them."""
    options = parser().parse_args()
    settings = Settings(options.device, SCALES["tiny" if options.tiny else "full"], options.workers)
    signal.signal(signal.SIGTERM, _cut)
    signal.signal(signal.SIGINT, _cut)
    with tempfile.TemporaryDirectory(prefix="xent-gpu-") as folder:
        account = Account(options.out, Path(folder), time.monotonic() + options.budget)
        try:
            _run(account, settings, options)
        except Cut:
            account.cut = True
        account.write()
    print(account.line(), flush=True)
    return account.code()


def _run(account: Account, settings: Settings, options: argparse.Namespace) -> None:
    with account.stage("here"):
        start = time.monotonic()
        found = look(settings.device, account.scratch / "here" / "here.json", max(5.0, min(40.0, 0.2 * options.budget)))
        account.found, reason = found, found.reason()
        account.ran("here", "here", time.monotonic() - start, reason and f"not run: {reason}")
    for stage in stages(settings):
        if options.stage and stage.name not in options.stage:
            account.left_out(stage, "not asked for")
        elif not found.any():
            account.left_out(stage, found.reason())
        else:
            _one(account, stage, options.budget)


def _one(account: Account, stage: Stage, budget: float) -> None:
    """A stage has its share of the whole time, and no more than what is left of it."""
    end = min(account.end, time.monotonic() + stage.share * budget)
    with account.stage(stage.name):
        run_stage(stage, end, account)


def _cut(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what a handler is given
    """The first signal ends the run with what there is; a second one would only end the writing of it."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise Cut


def parser() -> argparse.ArgumentParser:
    """The command's grammar."""
    root = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    root.add_argument("--out", type=Path, required=True, metavar="DIR", help="seven files at most, none in a folder")
    root.add_argument("--budget", type=float, default=480.0, metavar="SECONDS", help="(default: %(default)s)")
    root.add_argument("--device", choices=("gpu", "cpu"), default="gpu", help="cpu: a rehearsal (default: %(default)s)")
    root.add_argument("--tiny", action="store_true", help="sizes for a rehearsal: what runs, not what it costs")
    root.add_argument("--stage", action="append", metavar="NAME", help="only this one (repeatable)")
    root.add_argument(
        "--workers", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="cores (default: all)"
    )
    return root


if __name__ == "__main__":
    sys.exit(main())

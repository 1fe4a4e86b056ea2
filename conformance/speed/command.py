"""The verb ``duel``."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from conformance.errors import UsageError
from conformance.speed.duel import Arm, Duel, fight
from conformance.speed.workload import workload_named
from conformance.subjects.threads import cores


def run(options: argparse.Namespace) -> int:
    """Let subjects fight, and print who is faster."""
    if len(options.subjects) < 2:
        raise UsageError("a duel needs two subjects or more; the first is what the others are compared with")
    if min(options.processes, options.rounds) < 2:
        raise UsageError("--processes and --rounds: an interval needs at least 2 of each")
    duel = Duel(workload_named(options.workload).name, options.threads or cores(), options.processes, options.rounds)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("rounds", total=duel.generations * duel.rounds)
        arms = fight(options.subjects, duel, lambda rounds: progress.advance(task, rounds))
    if options.out:
        options.out.write_text(json.dumps(_written(arms, duel), indent=1) + "\n", encoding="utf-8")
    _show(arms, duel)
    return 0


def _written(arms: list[Arm], duel: Duel) -> dict[str, Any]:
    """Everything that was measured: seconds a call by process and round."""
    return {
        **dataclasses.asdict(duel),
        "arms": [
            {
                "subject": arm.name,
                "version": arm.version,
                "ratio": arm.ratio.ratio,
                "interval": [arm.ratio.low, arm.ratio.high],
                "verdict": arm.verdict,
                **({"unranked": arm.fault} if arm.fault else {}),
                "seconds": arm.seconds.tolist(),
            }
            for arm in arms
        ],
    }


def _show(arms: list[Arm], duel: Duel) -> None:
    console = Console()
    table = Table("", "median", "ratio", "95 % interval", "verdict", title=duel.workload)
    for place, arm in enumerate(arms):
        first = place == 0
        letter = "A" if first else "A/A" if place == 1 else chr(ord("A") + place - 1)
        if place != 1:
            console.print(f"{letter}: {arm.name}, {arm.version}", markup=False, highlight=False, soft_wrap=True)
        table.add_row(
            letter,
            f"{np.median(arm.seconds) * 1e6:,.1f} us",
            "1" if first else f"{arm.ratio.ratio:.3f}",
            "" if first else f"{arm.ratio.low:.3f} to {arm.ratio.high:.3f}",
            "" if first else arm.verdict,
        )
    console.print(table)
    for arm in arms[:1] + arms[2:]:
        if arm.fault:
            console.print(f"no rank: {arm.name}: {arm.fault}", markup=False, highlight=False, soft_wrap=True)
    told = f"{duel.generations} processes each, {duel.rounds} rounds in turn, {duel.threads} threads"
    console.print(f"{told}; same: within 3 %; A/A: what two processes of A differ by", soft_wrap=True)
    if arms[1].verdict not in ("same", "inconclusive"):
        console.print("A differs from itself: this machine was too unsteady for any verdict", style="bold")


def add_parser(verbs: Any) -> None:
    """The grammar of the verb."""
    each = verbs.add_parser(
        "duel",
        help="let subjects compete for speed",
        description="Subjects take turns, each in processes of its own; the first stands against itself too.",
    )
    each.add_argument(
        "subjects",
        nargs="+",
        metavar="SUBJECT",
        help="ADAPTER:IMPLEMENTATION[:MODE:DEVICE:DTYPE][@PYTHON], ADAPTER as for run (or NAME==VERSION); "
        "without a mode the adapter's first one, on the CPU, in float32; PYTHON is that of another environment",
    )
    each.add_argument(
        "--workload", default="backward-mean-pixels-2^20", metavar="NAME", help="what is timed (default: %(default)s)"
    )
    each.add_argument("--out", type=Path, metavar="FILE.json", help="also write every measured time")
    each.add_argument("--threads", type=int, default=0, metavar="N", help="for each framework (default: all cores)")
    each.add_argument("--processes", type=int, default=10, metavar="N", help="of each subject (default: %(default)s)")
    each.add_argument("--rounds", type=int, default=20, metavar="N", help="in each process (default: %(default)s)")

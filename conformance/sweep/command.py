"""The verb ``sweep``."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from conformance.adapter import NotOffered
from conformance.errors import UsageError
from conformance.judging.choice import Choice
from conformance.judging.opening import open_subject
from conformance.judging.session import Session
from conformance.records.record import Record
from conformance.remote.environments import locate
from conformance.remote.link import Limits, WorkerDied

DTYPES = ("float16", "bfloat16", "float32", "float64")
QUANTITIES = ("loss", "gradient")


def run(options: argparse.Namespace) -> int:
    """Sweep one subject. 0: as the ledger says, 1: not, or not finished."""
    # numba takes longer to import than most verbs take altogether.
    from conformance.sweep.block import ONE_THREAD
    from conformance.sweep.sweep import RESULTS, SWEEP, Plan, sweep

    quantities = tuple(name for name in QUANTITIES if name in options.quantity.split(","))
    if set(options.quantity.split(",")) != set(quantities):
        raise UsageError(f"unknown quantity '{options.quantity}'; known: loss, gradient, loss,gradient")
    choice = Choice(
        adapters=(options.adapter,),
        implementations=(options.implementation,),
        devices=(options.device,) if options.device else (),
        dtypes=(options.dtype,),
        modes=(options.mode,) if options.mode else (),
        strict=options.strict,
    )
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
    session, runner = open_subject(choice, _limits(options))
    if runner.mixed:
        raise UsageError(
            f"{runner.subject.id}: a sweep counts results in the dtype of the logits; choose another --mode"
        )
    out = Path(options.out)
    with _in_one_line(runner.subject.id), contextlib.closing(session):
        if options.dtype == "float64":
            return _searched(session, options, quantities, out)
        plan = Plan(quantities, options.labels, options.workers, options.scheduler or "")
        found = sweep(session, runner, plan, out, fresh=options.fresh)
    _show(found, f"blocks: {out / SWEEP}, record: {out / RESULTS}")
    return 0 if found["complete"] and not found["unexpected"] else 1


def _limits(options: argparse.Namespace) -> Limits | None:
    """Another environment is a worker's; the engine's own computes in this process, which is faster."""
    if not locate(options.adapter).elsewhere:
        return None
    if options.scheduler:
        raise UsageError("--scheduler: the cluster's machines have environments of their own; name the adapter alone")
    return Limits()


@contextlib.contextmanager
def _in_one_line(subject: str) -> Iterator[None]:
    """What the framework raises is told in one line: a sweep has every logit in it, NaN and infinities too."""
    try:
        yield
    except NotOffered as reason:
        raise UsageError(f"{subject}: {reason}; choose another --quantity or --mode") from None
    except (UsageError, OSError):
        raise
    except (Exception, WorkerDied) as error:
        told = " ".join(str(error).split())[:200]
        raise UsageError(f"{subject}: it cannot be swept: it raised {type(error).__name__}: {told}") from None


def _searched(session: Session, options: argparse.Namespace, quantities: tuple[str, ...], out: Path) -> int:
    """Nobody can compute every float64: look for the largest errors."""
    from conformance.sweep.grid import hard_labels
    from conformance.sweep.search import search
    from conformance.sweep.sweep import RESULTS, write

    runner, labels = session.runners[0], hard_labels(options.labels)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"searching {runner.subject.id}", total=None)
        found = search(
            runner,
            session.ledger_of(runner),
            quantities,
            labels,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    write(session, runner, found, out)
    _show(found, f"the largest errors that were found, no bound; record: {out / RESULTS}")
    return 1 if found["unexpected"] else 0


def _show(found: Record, places: str) -> None:
    console = Console()
    table = Table("quantity", "label", "elements", "correctly rounded", "worst ULP", "beyond the bound")
    for each in found["found"]:
        counts, elements = each["counts"], each["elements"]
        shown = {region["class"] for region in each["regions"]}
        bad = ", ".join(f"{name} {counts[name]:,}" for name in counts if name in shown) or ", ".join(sorted(shown))
        worst = f"{each['worst']['ulp']:.4g}" if "worst" in each else ""
        worst = worst if counts else f"at least {worst or 'infinite'}"
        share = f"{100 * counts.get('<=0.5', 0) / elements:.3f} %" if counts else "(searched)"
        table.add_row(each["quantity"], each["label"], f"{elements:,}", share, worst, bad or "none")
    console.print(table)
    for text in found["unexpected"]:
        console.print(f"unexpected: {text}", markup=False, soft_wrap=True)
    console.print(places, markup=False, soft_wrap=True)


def add_parser(verbs: Any) -> None:
    """The grammar of the verb."""
    each = verbs.add_parser(
        "sweep",
        help="judge every bit pattern of a dtype (of float64: search for the largest errors)",
        description="Compute every bit pattern of a dtype and count the errors by class; a killed sweep goes on where "
        "it was. Exit code 1 if the ledger does not know what was found, or the sweep was interrupted.",
    )
    each.add_argument(
        "--adapter",
        required=True,
        metavar="NAME[@PYTHON|==VERSION]",
        help="the framework: here, in another Python, or in an environment that is made for the version",
    )
    each.add_argument("--implementation", required=True, metavar="NAME", help="one of its functions, or a target")
    each.add_argument("--dtype", required=True, choices=DTYPES, help="whose numbers are the logits")
    each.add_argument(
        "--labels", default="0,1", metavar="0,1|all", help="0, 1, both, or all in [0, 1] (default: %(default)s)"
    )
    each.add_argument(
        "--quantity", default="loss,gradient", metavar="loss,gradient", help="one or both (default: %(default)s)"
    )
    each.add_argument("--mode", metavar="MODE", help="how it is run (default: the adapter's first mode)")
    each.add_argument("--device", metavar="cpu|gpu", help="where (default: the adapter's first device)")
    each.add_argument(
        "--out", default="reports/out/sweep", metavar="DIR", help="where the results go (default: %(default)s)"
    )
    each.add_argument(
        "--workers", type=int, default=0, metavar="N", help="threads (default: one a core; on a GPU at most 4)"
    )
    each.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="the Dask cluster that computes the blocks",
    )
    each.add_argument("--strict", action="store_true", help="ignore the ledger")
    each.add_argument("--fresh", action="store_true", help="begin anew instead of going on")

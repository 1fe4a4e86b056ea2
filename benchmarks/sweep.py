"""What a sweep costs beside the implementation alone, and beside MPFR and Arb. ``python -m benchmarks.sweep``.

Blocks of float32 from all of its range, loss and gradient, PyTorch eager, on all cores of this process. Sweep and
implementation alone take turns, and the median of the rounds' ratios is printed. Alone, the implementation runs in the
same worker threads on the same pieces, and only what it returns is thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flint import arb, ctx

from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.subjects.subject import Runner
from conformance.subjects.threads import cores
from conformance.sweep import block, oracle
from conformance.sweep.block import ONE_THREAD
from conformance.sweep.grid import Block, blocks, number
from conformance.sweep.sweep import Plan, run_blocks

LIMITS = {"over_alone": 1.5, "mpfr_over_oracle": 100.0, "arb_over_oracle": 100.0}
POINTS = 20_000


def main() -> int:
    """Print the figures as JSON; 1 if one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=96, help="of 4 Mi elements each (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    options = parser.parse_args()
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
    choice = Choice(("pytorch",), ("binary_cross_entropy_with_logits",), ("cpu",), ("float32",), ("eager",))
    runner = open_session(choice).runners[0]
    every = blocks(runner.dtype, "0,1")
    # Whole groups of four, both signs and labels of a magnitude, which share their polynomials as in a whole sweep.
    groups = [every[at : at + 4] for at in range(0, len(every), 4)]
    chosen = [each for group in groups[:: max(1, len(groups) * 4 // options.blocks)] for each in group]
    swept(runner, chosen[:2])
    rounds = []
    for _ in range(options.rounds):
        oracle.table.cache_clear()
        rounds.append((timed(lambda: swept(runner, chosen)), timed(lambda: alone(runner, chosen))))
    points = sum(each.elements for each in chosen)
    counting = counted(runner, chosen)
    figures = {
        "cores": cores(),
        "points": points,
        "sweep_ns": statistics.median(each[0] for each in rounds) / points * 1e9,
        "alone_ns": statistics.median(each[1] for each in rounds) / points * 1e9,
        "over_alone": statistics.median(each[0] / each[1] for each in rounds),
        "oracle_ns_one_core": counting * 1e9,
        "mpfr_over_oracle": mpfr() / counting,
        "arb_over_oracle": balls() / counting,
    }
    late = [name for name, limit in LIMITS.items() if (figures[name] > limit) == (name == "over_alone")]
    print(json.dumps({name: round(value, 3) for name, value in figures.items()} | {"beyond": late}))
    return 1 if late else 0


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def swept(runner: Runner, chosen: list[Block]) -> None:
    """As the verb does it, less the journal."""
    run_blocks(runner, Plan(), chosen, lambda _: None, threading.Event())


def alone(runner: Runner, chosen: list[Block]) -> None:
    """The implementation on the same points."""

    def compute(each: Block) -> None:
        worker = block.Worker(runner, ("loss", "gradient"), threading.Event())
        for start in range(0, each.count, block.PIECE):
            worker.compute(each.first + start, block.PIECE, each.label)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(compute, chosen))


def counted(runner: Runner, chosen: list[Block]) -> float:
    """Seconds a point of oracle, error measure and hash, polynomials included, on one core; results are there."""
    worker = block.Worker(runner, ("loss", "gradient"), threading.Event())
    compute, seconds = worker.compute, 0.0
    oracle.table.cache_clear()
    for each in chosen:
        pieces = [compute(each.first + at, block.PIECE, each.label) for at in range(0, each.count, block.PIECE)]
        left = iter(pieces)
        worker.compute = lambda *_, left=left: next(left)  # type: ignore[method-assign]
        seconds += timed(lambda each=each: worker.sweep(each))
    return seconds / sum(each.elements for each in chosen)


def mpfr() -> float:
    """Seconds a point of log1p(exp(x)) and of the sigmoid, at 64 bits, on one core."""
    import gmpy2

    with gmpy2.context(gmpy2.get_context(), precision=64):
        one = gmpy2.mpfr(1)
        values = [gmpy2.mpfr(-number(0x3F800000 + each, oracle._FLOAT32)) for each in range(POINTS)]

        def work() -> None:
            for x in values:
                tail = gmpy2.exp(x)
                gmpy2.log1p(tail)
                tail / (one + tail)

        return timed(work) / POINTS


def balls() -> float:
    """The same by Arb."""
    before, ctx.prec = ctx.prec, 64
    values = [arb(-number(0x3F800000 + each, oracle._FLOAT32)) for each in range(POINTS)]

    def work() -> None:
        for x in values:
            tail = x.exp()
            tail.log1p()
            tail / (1 + tail)

    try:
        return timed(work) / POINTS
    finally:
        ctx.prec = before


if __name__ == "__main__":
    sys.exit(main())

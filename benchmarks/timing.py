"""Whether others measure the same, and what a message costs. ``python -m benchmarks.timing``.

The loss of PyTorch at 2^20 elements by a round and by torch.utils.benchmark, that of JAX and TensorFlow by timeit,
over the same operands. The two take turns, and the median of the ratios counts. And a message to a worker and back,
as a share of a round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import timeit
from collections.abc import Callable

from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.remote.link import Limits
from conformance.speed.stage import ROUND, Stage
from conformance.speed.workload import workload_named
from conformance.subjects.threads import cores

SUBJECTS = {
    "pytorch": ("binary_cross_entropy_with_logits", "eager"),
    "jax": ("optax.sigmoid_binary_cross_entropy", "compiled"),
    "tensorflow": ("sigmoid_cross_entropy_with_logits", "eager"),
}
MOST_SHARE = 0.01  # of a round, for its message
MOST_APART = 0.05


def main() -> int:
    """Print the figures as JSON; 1 if one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adapter", action="append", choices=tuple(SUBJECTS), help="(default: all)")
    parser.add_argument("--rounds", type=int, default=31, help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=cores(), help="(default: %(default)s)")
    options = parser.parse_args()
    figures: dict[str, float] = {"cores": cores(), "threads": options.threads}
    late = []
    for name in options.adapter or SUBJECTS:
        stage = staged(name, options.threads)
        other = torch_seconds if name == "pytorch" else timeit_seconds
        ours, theirs, ratio = compared(stage, other, options.rounds)
        figures |= {f"{name}_us": ours * 1e6, f"{name}_others_us": theirs * 1e6, f"{name}_ratio": ratio}
        late += [name] if abs(ratio - 1) > MOST_APART else []
    figures["message_share"] = message(options.threads) / ROUND
    late += ["message_share"] if figures["message_share"] > MOST_SHARE else []
    print(json.dumps({name: round(value, 4) for name, value in figures.items()} | {"beyond": late}))
    return 1 if late else 0


def staged(adapter: str, threads: int) -> Stage:
    """The forward pass of the framework's loss, unreduced, at 2^20 elements of float32."""
    implementation, mode = SUBJECTS[adapter]
    choice = Choice((adapter,), (implementation,), ("cpu",), ("float32",), (mode,), threads=threads)
    return Stage(open_session(choice).runners[0], workload_named("forward-none-multilabel-2^20"))


def compared(
    stage: Stage, other: Callable[[Callable[[], object], int], float], rounds: int
) -> tuple[float, float, float]:
    """Median seconds a call of both, and the median ratio of ours to theirs."""
    stage.warm_up()
    stage.fill(1)
    once = stage.rounds.once
    other(once, stage.calls)
    pairs = []
    for turn in range(rounds):
        # Whoever comes first in a round comes second in the next.
        both = [lambda: stage.timed() / stage.calls, lambda: other(once, stage.calls)]
        first, second = both[turn % 2](), both[1 - turn % 2]()
        pairs.append((first, second) if turn % 2 == 0 else (second, first))
    ours, theirs = zip(*pairs, strict=True)
    return statistics.median(ours), statistics.median(theirs), statistics.median(a / b for a, b in pairs)


def message(threads: int) -> float:
    """Median seconds of a round without calls, in a worker."""
    choice = Choice(("numpy",), ("exact",), ("cpu",), ("float32",), threads=threads)
    session = open_session(choice, Limits())
    stage = Stage(session.runners[0], workload_named("forward-none-multilabel-2^10"))
    stage.calls = 0
    found = statistics.median(stage.timed() for _ in range(200))
    session.close()
    return found


def torch_seconds(call: Callable[[], object], calls: int) -> float:
    """Seconds a call by torch.utils.benchmark."""
    import torch
    from torch.utils.benchmark import Timer

    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
    return float(timer.timeit(calls).median)


def timeit_seconds(call: Callable[[], object], calls: int) -> float:
    """Seconds a call by the standard library."""
    return timeit.timeit("call()", globals={"call": call}, number=calls) / calls


if __name__ == "__main__":
    sys.exit(main())

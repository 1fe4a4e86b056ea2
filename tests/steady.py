"""Laws are never flaky: ``python -m tests.steady`` runs them 20 times with one seed and once with each of 5 others.

Each run draws and judges anew. With one seed every outcome must be the same to the last digit of what it measured; with
another seed, which draws other inputs, every outcome in type and signature. Exit code 1 if one differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from conformance.judging import draw
from conformance.judging.choice import Choice
from tests import teeth

RUNS = 20
SEEDS = (1, 2, 3, 4, 5)
ONE = ("float32",)  # where each shape is compiled
CHOICES = {
    "numpy": Choice(("numpy",)),
    "pytorch": Choice(("pytorch",), ("binary_cross_entropy_with_logits", "BCEWithLogitsLoss"), modes=("eager",)),
    "tensorflow": Choice(("tensorflow",), ("sigmoid_cross_entropy_with_logits",), ("cpu",), ONE, ("eager",)),
    "jax": Choice(("jax",), ("optax.sigmoid_binary_cross_entropy",), ("cpu",), ONE, ("eager",)),
}


def laws(choice: Choice, seed: int) -> list[teeth.Heard]:
    """The outcomes of the laws, in a session of its own."""
    draw.drawn.cache_clear()
    return list(teeth.hear(dataclasses.replace(choice, clauses=("L*",), seed=seed)))


def kind(heard: teeth.Heard) -> tuple[str, ...]:
    """What must not hang on the seed."""
    return heard.clause, heard.case, heard.outcome.name, heard.outcome.signature


def differing(first: list[Any], other: list[Any], look: Callable[[Any], Any]) -> list[Any]:
    """Pairs of outcomes that are not the same."""
    return [pair for pair in zip(first, other, strict=True) if look(pair[0]) != look(pair[1])]


def main() -> None:
    """Run the laws of the chosen adapters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adapter", action="append", choices=CHOICES, help="only this one")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help="with the one seed (default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    failed = False
    for adapter in options.adapter or CHOICES:
        began = time.monotonic()
        first = laws(CHOICES[adapter], 0)
        found = [pair for _ in range(options.runs - 1) for pair in differing(first, laws(CHOICES[adapter], 0), repr)]
        found += [pair for seed in SEEDS for pair in differing(first, laws(CHOICES[adapter], seed), kind)]
        took = time.monotonic() - began
        print(
            f"{adapter}: {len(first)} checks, {options.runs} + {len(SEEDS)} runs, {took:.0f} s; {len(found)} differ",
            flush=True,
        )
        for each in found:
            print(*each, sep="\n  ")
        failed |= bool(found) or not first
    sys.exit(failed)


if __name__ == "__main__":
    main()

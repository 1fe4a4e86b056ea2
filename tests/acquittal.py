"""Whom no seed accuses: ``python -m tests.acquittal`` puts right implementations to what is drawn, seed after seed.

Chapter C's rows and numbers and the inputs of the laws are drawn; other seeds draw others. ``tests/exemplars`` are
rounded once, narrower at most, or wrong by up to two ULP everywhere. Exit code 1 if a clause accuses one.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
import time
from collections.abc import Iterator

import torch
from rich.progress import track

from conformance.arithmetic.dtype import DTYPES
from conformance.judging import draw
from conformance.judging.choice import Choice
from tests import teeth

NAMES = {
    "pytorch": ("correct", "within_two_ulps", "narrow"),
    "tensorflow": ("correct", "within_two_ulps"),
    "jax": ("correct", "within_two_ulps"),
}
DRAWN = ("C*", "L[1-7]")  # L8 is about what is declared, L9 is heard by tests/test_ambient.py


def accusations(choice: Choice, seeds: range) -> Iterator[tuple[int, teeth.Heard]]:
    """What the drawn clauses say against the chosen subject. Raises ValueError if they said nothing at all."""
    for seed in track(seeds, f"{choice.adapters[0]} {choice.dtypes[0]}", transient=True):
        draw.drawn.cache_clear()
        found = list(teeth.hear(dataclasses.replace(choice, clauses=DRAWN, seed=seed)))
        if not any(each.outcome.name == "conforms" for each in found):
            raise ValueError(f"{choice.implementations[0]}, {choice.dtypes[0]}, seed {seed}: nothing was judged")
        yield from ((seed, each) for each in found if each.failed)


def main() -> None:
    """Print a line for each subject and each accusation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--framework", action="append", choices=NAMES, help="only this one")
    parser.add_argument("--dtype", action="append", choices=DTYPES, help="only this one")
    parser.add_argument("--exemplar", action="append", help="only this one, such as narrow")
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="1 to N (20)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    accused = 0
    for framework, dtype in itertools.product(options.framework or NAMES, options.dtype or DTYPES):
        for name in filter(lambda each: each in (options.exemplar or NAMES[framework]), NAMES[framework]):
            began = time.monotonic()
            target = f"tests.exemplars.in_{framework}:{name}"
            choice = Choice((framework,), (target,), ("cpu",), (dtype,), ("eager",))
            found = list(accusations(choice, range(1, options.seeds + 1)))
            accused += len(found)
            took = time.monotonic() - began
            print(f"{target}, {dtype}: {options.seeds} seeds, {took:.0f} s; {len(found)} accusations", flush=True)
            for seed, each in found:
                print(f"  --seed {seed}: {each.clause} in {each.case}: {each.outcome}", flush=True)
    sys.exit(accused > 0)


if __name__ == "__main__":
    main()

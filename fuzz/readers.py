"""Fuzz the readers: ``python -m fuzz.readers --inputs 1000000 --seconds 600``; exit code 1 if something was found.

``--of answers`` fuzzes what reads the answers of a worker in place of what reads files.

With atheris installed (the extra ``fuzz``), libFuzzer chooses by coverage what to change; half of the changes are
made in the parsed file. Without it, the same changes are made to the seeds at random.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import random
import resource
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

SLOW = 2.0  # CPU seconds for one input
MEMORY = 1 << 30  # bytes of the whole process
_TARGETS = {"files": "fuzz.targets", "answers": "fuzz.answers"}
_TOKENS = tuple(
    b"\" \\ \n [ ] { } , : = . - 0 9 1e400 \\u0000 \\ud800 \0 \xff \xef\xbb\xbf # \r [[ ''' null true".split(b" ")
)


class Harness:
    """Puts inputs, counts them, and keeps one input of each kind of bug."""

    def __init__(self, options: argparse.Namespace, put: Callable[[bytes], str], clear: Callable[[], None]) -> None:
        self.options, self.put, self.clear = options, put, clear
        self.start = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.slowest = 0.0
        self.bugs: dict[str, str] = {}

    def one(self, data: bytes) -> None:
        """Put one input; never raises. Ends the process when there were enough."""
        before = time.process_time()
        try:
            answer = self.put(data)
            self.counts["accepted" if answer == "accepted" else "refused"] += 1
        except Exception as error:
            self._found(data, error)
        took = time.process_time() - before
        self.slowest = max(self.slowest, took)
        if took > SLOW:
            self._found(data, TimeoutError(f"{took:.1f} s"))
        self.counts["all"] += 1
        if self.counts["all"] % 1000 == 0:
            self.clear()
        late = time.monotonic() - self.start > self.options.seconds
        if late or self.counts["all"] >= self.options.inputs:
            self.end()

    def end(self) -> None:
        """Say what was found, and stop: libFuzzer would say it in its own words."""
        seconds = time.monotonic() - self.start
        memory = _most_memory()
        told = ", ".join(f"{name} {count:,}" for name, count in self.counts.most_common())
        print(f"inputs: {told}; {seconds:.0f} s, {self.counts['all'] / seconds:,.0f} a second", flush=True)
        print(f"slowest {self.slowest:.2f} s, memory {memory >> 20} MiB of {MEMORY >> 20}; {len(self.bugs)} bugs")
        for place, file in self.bugs.items():
            print(f"{place}: {file}")
        sys.stdout.flush()
        os._exit(1 if self.bugs or memory > MEMORY else 0)

    def _found(self, data: bytes, error: BaseException) -> None:
        own = Path(__file__).parent
        frames = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).parent != own]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        place = f"{type(error).__name__} in {where}"
        if place in self.bugs:
            return
        self.options.findings.mkdir(parents=True, exist_ok=True)
        file = self.options.findings / hashlib.sha256(data).hexdigest()[:16]
        file.write_bytes(data)
        self.bugs[place] = f"{file} ({str(error)[:120]!r})"
        print(f"{place}: {self.bugs[place]}", flush=True)


def _most_memory() -> int:
    """Bytes that this process had at most. getrusage counts those of the process that it was forked from, too."""
    (line,) = (each for each in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if "VmHWM" in each)
    return int(line.split()[1]) << 10


def main() -> None:
    """Fuzz until there were enough inputs or seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=120, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the changes (default: %(default)s)")
    parser.add_argument("--findings", type=Path, default=Path("reports/out/fuzz"), help="where inputs are kept")
    parser.add_argument("--again", type=Path, metavar="FILE", help="put one kept input, and show the traceback")
    parser.add_argument("--of", choices=("files", "answers"), default="files", help="what is fuzzed (default: files)")
    parser.add_argument("--blind", action="store_true", help="do without atheris: three times as many a second")
    options = parser.parse_args()
    guided = atheris is not None and not options.blind
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (8 * MEMORY, 8 * MEMORY))
    if guided:
        with atheris.instrument_imports(include=["conformance", "tomllib"]):
            targets = importlib.import_module(_TARGETS[options.of])
    else:
        targets = importlib.import_module(_TARGETS[options.of])
    if options.again:
        print(targets.put(options.again.read_bytes()))
        return
    harness = Harness(options, targets.put, targets.clear)
    if guided:
        _guided(harness, targets.seeds(), targets.mutated, options)
    else:
        _blind(harness, targets.seeds(), targets.mutated, options.seed)


def _guided(
    harness: Harness, seeds: list[bytes], mutated: Callable[[bytes, random.Random], bytes], options: argparse.Namespace
) -> None:
    corpus = options.findings / f"corpus-{options.seed}"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(each)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        dice = random.Random(seed)
        if dice.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return mutated(data, dice)[:most]

    flags = [f"-seed={options.seed}", "-max_len=100000", "-len_control=0", "-timeout=120", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], harness.one, custom_mutator=mutate)
    atheris.Fuzz()


def _blind(harness: Harness, seeds: list[bytes], mutated: Callable[[bytes, random.Random], bytes], seed: int) -> None:
    dice = random.Random(seed)
    while True:
        data = dice.choice(seeds)
        way = dice.randrange(10)
        # A change in the parsed file goes deeper, one of its bytes is made and refused five times faster.
        data = mutated(data, dice) if way < 3 else data
        for _ in range((0, 0, 1, 1, 1, 1, 1, 2, 3, 6)[way]):
            place = dice.randint(1, len(data))
            data = data[:place] + _bytes(dice) + data[place + dice.randint(0, 3) :]
        harness.one(data)


def _bytes(dice: random.Random) -> bytes:
    return dice.choice(_TOKENS) if dice.random() < 0.5 else dice.randbytes(dice.randint(0, 3))


if __name__ == "__main__":
    main()

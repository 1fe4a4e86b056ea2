"""Sweeps: the oracle against ball arithmetic, exact counts, merging, resuming, and the verb."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from conformance.__main__ import main
from conformance.arithmetic.dtype import DTYPES
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.subjects.subject import Runner
from conformance.sweep import ball, kernel, oracle, pairs
from conformance.sweep.block import Swept, Worker
from conformance.sweep.classes import LOST, SIZE, half
from conformance.sweep.counter import LIMITS
from conformance.sweep.grid import CURVE_BINS, Block, blocks, number, pattern_of, patterns
from conformance.sweep.tally import Tally, has_distance, total
from tests.command import environment, interruptible

# NumPy says of an overflow what it is asked to; where blocks are swept it is asked not to.
pytestmark = pytest.mark.filterwarnings("ignore:.* encountered in :RuntimeWarning")
FLOAT16, BFLOAT16, FLOAT32 = (DTYPES[name] for name in ("float16", "bfloat16", "float32"))
# Every function of the oracle where it changes: 0, subnormals, the limits of one half, 1, the tails, beyond underflow.
STARTS = (0, 0x00800000, 0x22000000, 0x33000000, 0x3F800000, 0x40800000, 0x41800000, 0x41E00000, 0x42AE0000, 0x42CF0000)


def runner(dtype: str, implementation: str = "exact") -> Runner:
    """A subject of the NumPy adapter."""
    session = open_session(Choice(adapters=("numpy",), implementations=(implementation,), dtypes=(dtype,)))
    return session.runners[0]


def perturbed(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Results that are right, a few ULP off, far off, zero, and of the wrong sign."""
    kind = rng.integers(0, 12, len(values))
    bits = values.view(np.int32) + np.select([kind == k for k in (1, 2, 3, 4, 5)], (1, -1, 2, -3, 40), 0).astype(
        np.int32
    )
    result = bits.view(np.float32)
    result = np.where(kind == 6, values * np.float32(0.7), result)
    result = np.where(kind == 7, np.float32(0), result)
    return np.nan_to_num(np.where(kind == 8, -values, result).astype(np.float32), nan=1.0)


@pytest.mark.parametrize("start", STARTS, ids=hex)
@pytest.mark.parametrize("quantity", ["loss", "gradient"])
@pytest.mark.parametrize("rising", [False, True], ids=["falling", "rising"])
def test_the_polynomials_count_as_ball_arithmetic_does(start: int, quantity: str, rising: bool) -> None:
    """On a random run of a random block the classes are those that Arb gives element by element."""
    rng = np.random.default_rng([start, len(quantity), rising])
    first = start + int(rng.integers(0, 4)) * 4096
    table = oracle.table(start, 1 << 16, quantity, rising)
    label = 1.0 if rising else 0.0
    logits = -patterns(first, 24, FLOAT32)
    x = logits.astype(np.float64)
    signed = np.log1p(np.exp(x)) - (x if rising else 0) if quantity == "loss" else 1 / (1 + np.exp(-x)) - label
    got = perturbed(signed.astype(np.float32), rng)
    state, extremes, seen = kernel.blank(SIZE)
    undecided = np.empty(len(got), np.int64)
    sign = -1.0 if rising and quantity == "gradient" else 1.0
    arguments = (table.first, table.rows, table.subnormal, sign, LIMITS[quantity], half(FLOAT32))
    left = kernel.measure(got, first - start, *arguments, state, extremes, seen, undecided)
    expected = np.zeros(SIZE, np.int64)
    skipped = set(undecided[:left] - (first - start))
    for index, (logit, result) in enumerate(zip(logits, got, strict=True)):
        if index not in skipped:
            expected[ball.classify(float(logit), label, float(result), quantity, FLOAT32)[0]] += 1

    assert state[0].tolist() == expected.tolist()
    assert left <= 2


@pytest.mark.parametrize("shift", range(-3, 4))
@pytest.mark.parametrize("odd", [False, True], ids=["even", "one-other"])
@pytest.mark.parametrize(
    ("start", "quantity", "rising"),
    [
        (0x42000000, "loss", True),
        (0x423FFFE8, "loss", True),
        (0x44000000, "loss", False),
        (0x44000000, "gradient", False),
        (0x44000000, "gradient", True),
        (0x04000000, "loss", False),
        (0x04000000, "gradient", False),
        (0x04000000, "gradient", True),
    ],
)
def test_equal_errors_count_as_ball_arithmetic_does(
    start: int, quantity: str, rising: bool, odd: bool, shift: int
) -> None:
    """Results that are all as many floats off the right one, at the begin and the end of a binade; and all but one."""
    table = oracle.table(start & ~0xFFFF, 1 << 16, quantity, rising)
    label, offset = (1.0 if rising else 0.0), start & 0xFFFF
    logits = -patterns(start, 24, FLOAT32)
    x = logits.astype(np.float64)
    signed = np.log1p(np.exp(x)) - (x if rising else 0) if quantity == "loss" else 1 / (1 + np.exp(-x)) - label
    right = np.abs(signed).astype(np.float32).view(np.int32)
    codes = right + np.int32(shift)
    if right[0] + shift < 0:  # below zero
        codes = np.where(right + shift < 0, np.int32(-(1 << 31)) - right - np.int32(shift), codes).astype(np.int32)
    codes[17] += odd
    sign = -1.0 if rising and quantity == "gradient" else 1.0
    got = (sign * codes.view(np.float32)).astype(np.float32)
    state, extremes, seen = kernel.blank(SIZE)
    arguments = (table.first, table.rows, table.subnormal, sign, LIMITS[quantity], half(FLOAT32))
    left = kernel.measure(got, offset, *arguments, state, extremes, seen, np.empty(len(got), np.int64))
    found = [
        ball.classify(float(logit), label, float(result), quantity, FLOAT32)
        for logit, result in zip(logits, got, strict=True)
    ]

    assert left == 0
    assert state[0].tolist() == [sum(kind == each for kind, _ in found) for each in range(SIZE)]
    if state[3, 0] >= 0:
        distances = [e for kind, e in found if has_distance(kind)]
        assert extremes[-1] == pytest.approx(max(distances), rel=2.0**-20, abs=2.0**-16)


@pytest.mark.parametrize("start", STARTS, ids=hex)
@pytest.mark.parametrize("quantity", ["loss", "gradient"])
@pytest.mark.parametrize("rising", [False, True], ids=["falling", "rising"])
def test_the_polynomials_keep_their_bound(start: int, quantity: str, rising: bool) -> None:
    """Each piece's value is within its own bound of the exact one, in ulps; a limit within 2^-16."""
    table = oracle.table(start, 1 << 16, quantity, rising)
    rng = np.random.default_rng(start)
    for index in rng.integers(1, 1 << 16, 20):
        piece = int(np.searchsorted(table.first, index, side="right")) - 1
        step, offset, inverse, bound, *coefficients = table.rows[piece]
        y = np.polynomial.polynomial.polyval((index - offset) * step - 1, coefficients)
        with oracle.ARB:
            oracle.ctx.prec = 400
            a = oracle.arb(number(start + int(index), FLOAT32))
            exact = oracle._series(a, 1, oracle.arb(0), quantity, rising)[0] * oracle.arb(inverse)
            error = float(abs(exact - oracle.arb(float(y))).upper())
        assert error <= (bound or 2.0**-16)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("quantity", ["loss", "gradient"])
def test_sixteen_bits_count_as_ball_arithmetic_does(dtype: str, quantity: str) -> None:
    """Random pairs of logit and label, with results right, next to right and wrong."""
    rng = np.random.default_rng(3)
    one, shape = pattern_of(1.0, DTYPES[dtype]), DTYPES[dtype]
    settings = (shape.emin, shape.precision, half(shape))
    values, table = pairs.values(dtype), pairs.terms(dtype)[0 if quantity == "loss" else 1]
    for _ in range(150):
        pattern, label = int(rng.integers(0, 1 << 16)), int(rng.choice([0, one, one // 2, rng.integers(0, one)]))
        x, z = values[pattern], values[label]
        if not abs(x) < 1e5:
            continue
        s, r, _slack = pairs._exact(x, z, table[pattern & 0x7FFF], quantity == "gradient")
        near = np.array([s + r]).astype(shape.numpy).view(np.uint16)
        got = near + rng.integers(-2, 3, 1).astype(np.uint16) if near[0] & 0x7FFF > 2 else near
        state, extremes, seen = kernel.blank(SIZE)
        left = pairs.measure(
            got, pattern, 0, 0, z, values, table, quantity == "gradient", settings, np.zeros(CURVE_BINS), 1 << 16, 4.0,
            state, extremes, seen, np.empty(1, np.int64),
        )  # fmt: skip
        if not left:
            expected, _ = ball.classify(float(x), float(z), float(values[got[0]]), quantity, shape)
            assert np.flatnonzero(state[0]).tolist() == [expected], (pattern, label, got)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_control_is_correctly_rounded_everywhere(dtype: str) -> None:
    """float64 rounded once: all of a 16-bit dtype, loss and gradient, both labels."""
    worker = Worker(runner(dtype), ("loss", "gradient"), threading.Event())
    for block in blocks(DTYPES[dtype], "0,1"):
        for tally in worker.sweep(block).tallies.values():
            assert tally.counts == {0: block.elements}
            assert tally.balls <= 4


def test_a_wrong_implementation_is_counted_exactly() -> None:
    """With every seventh result zeroed, as many as Arb counts are lost or flushed, and no others."""
    worker = Worker(runner("float16"), ("loss",), threading.Event())
    compute = worker.compute
    wrong = []

    def zeroed(first: int, count: int, label: int) -> tuple[np.ndarray, ...]:
        (loss,) = compute(first, count, label)
        loss = loss.copy()
        loss[::7] = 0
        wrong.append(loss)
        return (loss,)

    worker.compute = zeroed
    block = Block(0, 1 << 15, 0)
    (tally,) = worker.sweep(block).tallies.values()
    finite = 31 << 10
    logits = patterns(0, finite, FLOAT16)

    assert tally.elements == block.elements
    assert tally.counts[LOST] == len(range(0, finite, 7))
    region = tally.regions[LOST, "positive"]
    assert (region.first, region.last) == (0, (finite - 1) // 7 * 7)
    assert number(region.worst.got, FLOAT16) == 0
    assert np.isfinite(logits).all()


def swept(dtype: str) -> list[Swept]:
    """All blocks of the textbook formula."""
    worker = Worker(runner(dtype, "textbook formula"), ("loss", "gradient"), threading.Event())
    return [worker.sweep(block) for block in blocks(DTYPES[dtype], "0,1")]


def test_tallies_merge_in_any_order() -> None:
    """Associative and commutative, and written and read back without loss."""
    tallies = [each.tallies["loss"] for each in swept("float16")]
    whole = total(tallies)

    for order in itertools.permutations(tallies):
        assert total(order) == whole
    assert total([total(tallies[:2]), total(tallies[2:])]) == whole
    assert Tally.from_json(json.loads(json.dumps(whole.to_json(FLOAT16)))) == whole


def test_a_killed_sweep_goes_on_and_finds_the_same(tmp_path: Path) -> None:
    """A journal cut in the middle of a line is taken up where it was."""
    command = ["sweep", "--adapter", "numpy", "--implementation", "textbook formula", "--dtype", "float16"]
    assert main([*command, "--out", str(tmp_path / "whole")]) == 1
    whole = (tmp_path / "whole" / "sweep.jsonl").read_text()
    lines = sorted(whole.splitlines())
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "sweep.jsonl").write_text("\n".join(whole.splitlines()[:3]) + "\n" + whole.splitlines()[3][:50])

    assert main([*command, "--out", str(tmp_path / "cut")]) == 1
    assert sorted((tmp_path / "cut" / "sweep.jsonl").read_text().splitlines()) == lines
    records = [[*(tmp_path / name / "results.jsonl").read_text().splitlines()][-1] for name in ("whole", "cut")]
    assert records[0] == records[1]


def test_an_interrupted_sweep_leaves_what_it_has(tmp_path: Path) -> None:
    """Ctrl-C amid the blocks: exit code 1, no traceback, whole blocks in the journal, and a record of these."""
    subject = ("--adapter", "numpy", "--implementation", "exact", "--dtype", "bfloat16", "--labels", "all")
    asked = interruptible("sweep", *subject, "--out", str(tmp_path))
    journal = tmp_path / "sweep.jsonl"
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path) as process:
        end = time.monotonic() + 60
        while not journal.exists() or journal.read_text().count("\n") < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    blocks_done = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    found = json.loads((tmp_path / "results.jsonl").read_text().splitlines()[-1])

    assert process.returncode == 1
    assert "Traceback" not in told
    assert "the same command goes on with what is left" in told
    assert not found["complete"]
    assert "hash" not in found
    assert 0 < sum(each["elements"] for each in found["found"] if each["quantity"] == "loss") < 1e9
    for each in found["found"]:
        assert each["elements"] == sum(block[each["quantity"]]["elements"] for block in blocks_done)


def test_a_sweep_of_the_control_is_as_expected(tmp_path: Path) -> None:
    """Exit code 0, a complete record with counts, hashes and curves."""
    command = ["sweep", "--adapter", "numpy", "--implementation", "exact", "--dtype", "float16", "--labels", "1"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "results.jsonl").read_text().splitlines()[-1])

    assert found["record"] == "sweep"
    assert found["complete"]
    assert [each["counts"] for each in found["found"]] == [{"<=0.5": 65536}, {"<=0.5": 65536}]
    assert set(found["hash"]) == {"loss", "gradient"}


@pytest.mark.parametrize(
    "wrong",
    [
        ["--labels", "2"],
        ["--quantity", "curvature"],
        ["--dtype", "float32", "--labels", "all"],
        ["--dtype", "float64", "--labels", "all"],
        ["--dtype", "float64", "--labels", "2"],
        ["--scheduler", "tcp://localhost:1"],
    ],
)
def test_what_cannot_be_swept_is_refused(wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 2."""
    command = ["sweep", "--adapter", "numpy", "--implementation", "exact", "--dtype", "float16", "--out", str(tmp_path)]
    assert main([*command, *wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_framework_elsewhere_is_swept_in_a_worker_with_the_same_counts(tmp_path: Path) -> None:
    """Of another Python, or of an environment that was made for a version."""
    asked = ["--implementation", "exact", "--dtype", "bfloat16", "--quantity", "loss"]
    found = []
    for name, adapter in (("here", "numpy"), ("elsewhere", f"numpy@{sys.executable}")):
        assert main(["sweep", "--adapter", adapter, *asked, "--out", str(tmp_path / name)]) == 0
        lines = (tmp_path / name / "results.jsonl").read_text(encoding="utf-8").splitlines()
        found.append(json.loads(lines[-1]))

    here, there = ({**each, "subject": {**each["subject"], "adapter": ""}} for each in found)
    assert here == there


REFUSING = """
import torch

def loss(logits, labels):
    if logits.isnan().any():
        raise ValueError("a NaN\\nis refused")
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
"""


def test_who_refuses_a_logit_cannot_be_swept_and_says_so_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """NaN is among the logits; exit code 2, and no traceback."""
    (tmp_path / "refusing.py").write_text(REFUSING, encoding="utf-8")
    asked = ["--adapter", "pytorch", "--implementation", f"{tmp_path / 'refusing.py'}:loss", "--dtype", "float16"]

    assert main(["sweep", *asked, "--out", str(tmp_path / "out")]) == 2
    assert "it cannot be swept: it raised ValueError: a NaN is refused" in capsys.readouterr().err


def test_another_sweep_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """Its blocks are not mixed with those of the first."""
    command = ["sweep", "--adapter", "numpy", "--implementation", "exact", "--dtype", "float16", "--out", str(tmp_path)]
    assert main([*command, "--labels", "0"]) == 0
    assert main([*command, "--labels", "1"]) == 2
    assert main([*command, "--labels", "1", "--fresh"]) == 0


def test_a_search_of_float64_finds_the_largest_error_of_a_narrow_place(tmp_path: Path) -> None:
    """It narrows down to a thousand floats that no sample would hit, and says where they are."""
    (tmp_path / "own.py").write_text(NARROW)
    target = f"{tmp_path / 'own.py'}:loss"
    command = ["sweep", "--adapter", "numpy", "--implementation", target, "--dtype", "float64", "--out", str(tmp_path)]
    assert main([*command, "--quantity", "loss", "--labels", "0"]) == 1
    found = json.loads((tmp_path / "results.jsonl").read_text().splitlines()[-1])
    (each,) = found["found"]

    logit = np.array([int(each["worst"]["logit"], 16)], np.uint64).view(np.float64)[0]
    assert 2.9 < logit < 3.1
    assert 2.0**21 < each["worst"]["ulp"] < 2.0**26
    assert found["unexpected"] == [f"loss for label 0: {found['unexpected'][0].split(': ')[1]}"]
    assert each["counts"] == {}


# The error grows towards a place within 0.05 of a logit of 3, where it is largest by far.
NARROW = """
import numpy as np
from conformance import operator

def loss(logits, labels):
    right = operator.loss(logits, labels)
    return right * (1 + 2.0**-28 * np.maximum(0.0, 1 - np.abs(logits - 3.0) / 0.05))
"""

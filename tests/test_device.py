"""Sweeps that stay on the device, in the arrays of real frameworks: they count what the kernel counts."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

import numpy as np
import pytest

from conformance.arithmetic.dtype import DTYPES
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.subjects.subject import Runner
from conformance.sweep.block import PIECE, Swept, Worker
from conformance.sweep.device import DeviceWorker, worker
from conformance.sweep.fingerprint import Fingerprint
from conformance.sweep.grid import BLOCK, Block, patterns
from tests.test_sweep import STARTS, perturbed

# NumPy says of an overflow what it is asked to; where blocks are swept it is asked not to.
pytestmark = pytest.mark.filterwarnings("ignore:.* encountered in :RuntimeWarning")
SUBJECTS = (
    ("numpy", "textbook formula", "eager"),
    ("pytorch", "binary_cross_entropy_with_logits", "eager"),
    ("jax", "optax.sigmoid_binary_cross_entropy", "compiled"),
)
COUNT, NEGATIVE, ONE = 1 << 16, 1 << 31, 0x3F800000


def runner(adapter: str, implementation: str, mode: str) -> Runner:
    """A float32 subject on the CPU."""
    choice = Choice((adapter,), (implementation,), ("cpu",), ("float32",), (mode,))
    return open_session(choice).runners[0]


def both(subject: Runner, block: Block, changed: Callable[[np.ndarray], np.ndarray] | None = None) -> list[Swept]:
    """The block as it is counted at home and in the framework's own arrays; NumPy's may be ``changed``."""
    swept = []
    for kind in (Worker, DeviceWorker):
        each = kind(subject, ("loss", "gradient"), threading.Event())
        if changed:
            results = each.results
            each.results = lambda *of, results=results: tuple(map(changed, results(*of)))  # type: ignore[method-assign]
        swept.append(each.sweep(block))
    return swept


def assert_same(home: Swept, there: Swept) -> None:
    """Counts, bad regions with their worst, and bits; the worst of all to as much as makes a new worst."""
    assert there.hashes == home.hashes
    for name, tally in home.tallies.items():
        other = there.tallies[name]
        assert (other.counts, other.regions, other.balls) == (tally.counts, tally.regions, tally.balls)
        assert (other.worst is None) == (tally.worst is None)
        if tally.worst and other.worst:
            assert other.worst.ulp == pytest.approx(tally.worst.ulp, rel=2.0**-20, abs=2.0**-16)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda each: each[0])
@pytest.mark.parametrize("start", STARTS, ids=hex)
def test_a_device_counts_what_the_kernel_counts(subject: tuple[str, str, str], start: int) -> None:
    """In the frameworks' own arrays: both signs, both labels, wherever the oracle changes."""
    run = runner(*subject)
    for sign in (0, NEGATIVE):
        for label in (0, ONE):
            assert_same(*both(run, Block(sign | start, COUNT, label)))


@pytest.mark.parametrize("start", STARTS, ids=hex)
def test_a_device_counts_wrong_results_too(start: int) -> None:
    """Results a few ULP off, far off, zero, and of the wrong sign."""
    found = both(
        runner("numpy", "exact", "eager"),
        Block(NEGATIVE | start, COUNT, 0),
        lambda results: perturbed(results, np.random.default_rng(start)),
    )

    assert_same(*found)
    assert len(found[0].tallies["loss"].counts) > (4 if start < 0x42CF0000 else 1)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e-40], ids=str)
def test_one_wrong_result_is_found_among_many(wrong: float) -> None:
    """A single element of 65,536."""

    def changed(results: np.ndarray) -> np.ndarray:
        results = results.copy()
        results[12345] = wrong
        return results

    found = both(runner("numpy", "exact", "eager"), Block(NEGATIVE | 0x42CF0000, COUNT, 0), changed)
    assert_same(*found)
    assert sum(count for kind, count in found[1].tallies["loss"].counts.items() if kind) == 1


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda each: each[0])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_logits_made_on_the_device_are_those_of_the_grid(subject: tuple[str, str, str], dtype: str) -> None:
    """Bit for bit, across both signs, subnormals and NaN included."""
    adapter = runner(*subject).adapter
    bits = DTYPES[dtype].bits
    for first in (0, (1 << (bits - 1)) - 2048, (1 << (bits - 1)), (1 << bits) - 4096):
        made = adapter.fetch(adapter.consecutive(first, 4096, dtype, "cpu"))
        whole = adapter.fetch(adapter.bits(adapter.consecutive(first, 4096, dtype, "cpu")))
        expected = patterns(first, 4096, DTYPES[dtype])

        assert made.dtype == expected.dtype
        assert np.array_equal(made.view(f"u{bits // 8}"), expected.view(f"u{bits // 8}"))
        assert np.array_equal(whole, expected.view(f"i{bits // 8}"))


def test_what_has_no_such_arrays_is_counted_at_home() -> None:
    """TensorFlow's results on a GPU, whole blocks of them; and everything on the CPU, where the kernel is faster."""
    subject = runner("tensorflow", "sigmoid_cross_entropy_with_logits", "eager")
    there = Runner(dataclasses.replace(subject.subject, device="gpu"), subject.adapter, subject.implementation)
    found = [worker(each, ("loss",), threading.Event()) for each in (subject, there)]

    assert [type(each) for each in found] == [Worker, Worker]
    assert [each.piece for each in found] == [PIECE, BLOCK]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_fingerprint_knows_every_bit_and_its_place(dtype: str) -> None:
    """The same in pieces and whole; another for one bit, for two results exchanged, for two groups exchanged."""
    rng = np.random.default_rng(5)
    results = rng.standard_normal(8192).astype(dtype)

    def printed(*pieces: np.ndarray) -> str:
        fingerprint = Fingerprint()
        for piece in pieces:
            fingerprint.update(piece)
        return fingerprint.hexdigest()

    flipped, exchanged = results.copy(), results.copy()
    flipped.view(f"u{results.itemsize}")[77] ^= 1
    exchanged[[5, 900]] = results[[900, 5]]
    others = [printed(flipped), printed(exchanged), printed(results[1024:2048], results[:1024], results[2048:])]

    assert printed(results[:2048], results[2048:]) == printed(results)
    assert len({printed(results), *others}) == 4

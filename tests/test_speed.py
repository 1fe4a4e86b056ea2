"""Measuring: workloads, statistics, records of `--benchmark-only`, duels."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from conformance.arithmetic.dtype import DTYPES
from conformance.errors import UsageError
from conformance.judging.choice import Choice
from conformance.judging.opening import open_subject
from conformance.records import record
from conformance.remote.link import Limits
from conformance.speed import audit, yardstick
from conformance.speed.clock import CLOCK
from conformance.speed.contender import choice_of
from conformance.speed.duel import _order, judged
from conformance.speed.stage import Stage, fewer
from conformance.speed.statistic import Ratio, median_interval, paired_ratio
from conformance.speed.workload import inputs, workload_named, workloads
from conformance.subjects.subject import Subject
from conformance.subjects.threads import cores
from conformance.worker import memory
from tests.command import conformance, environment

MEASURE = ("--", "--benchmark-only", "--benchmark-max-time=0.01", "--benchmark-min-rounds=3")
SMALL = ("run", "--adapter", "numpy", "--dtype", "float32", "--workload", "*-multilabel-2^10")


@pytest.mark.parametrize(
    ("name", "shape", "arrays"),
    [
        ("forward-none-multilabel-2^10", (16, 64), 3),
        ("forward-mean-pixels-2^10", (1, 32, 32), 2),
        ("backward-none-pixels-2^18", (4, 256, 256), 5),
        ("backward-mean-multilabel-2^26", (1 << 20, 64), 3),
    ],
)
def test_a_workload_knows_its_shape_and_the_fewest_bytes(name: str, shape: tuple[int, ...], arrays: int) -> None:
    """Bytes are what must be read and written, whatever an implementation moves besides."""
    found = workload_named(name)

    assert (found.name, found.dimensions) == (name, shape)
    assert found.fewest_bytes(DTYPES["float16"]) == arrays * 2 * int(np.prod(shape))
    assert found in workloads((), "cpu")


def test_every_workload_is_listed_once_and_a_gpu_has_larger_ones() -> None:
    """Two passes, two reductions, two shapes, five sizes."""
    names = [each.name for each in workloads(())]

    assert len(names) == len(set(names)) == 40
    assert len(workloads((), "gpu")) == 48
    assert [each.name for each in workloads(("backward-mean-*-2^1[04]",))] == [
        f"backward-mean-{shape}-2^{power}" for power in (10, 14) for shape in ("multilabel", "pixels")
    ]


@pytest.mark.parametrize(
    "name", ["backward", "up-mean-pixels-2^20", "forward-none-pixels-2^9", "forward-none-pixels-2^x"]
)
def test_an_unknown_workload_is_refused_with_an_example(name: str) -> None:
    """In one line."""
    with pytest.raises(UsageError, match="such are"):
        workload_named(name)


def test_the_same_inputs_are_given_to_every_subject() -> None:
    """Drawn by number of elements, rounded to the dtype, with both labels."""
    logits, labels = inputs(1 << 10, DTYPES["float32"])
    inputs.cache_clear()
    again = inputs(1 << 10, DTYPES["float32"])
    half, _ = inputs(1 << 10, DTYPES["float16"])

    assert np.array_equal(logits, again[0])
    assert np.array_equal(half, logits.astype(np.float16))
    assert set(labels) == {0.0, 1.0}
    assert 2.5 < logits.std() < 3.5


@pytest.fixture
def staged() -> Iterator[Callable[..., Stage]]:
    """A function that stages a subject of the NumPy adapter, in this process or in a worker."""
    with contextlib.ExitStack() as stack:

        def stage(workload: str, limits: Limits | None = None) -> Stage:
            session, runner = open_subject(Choice(("numpy",), ("exact",), ("cpu",), ("float32",)), limits)
            stack.callback(session.close)
            return Stage(runner, workload_named(workload))

        yield stage


@pytest.mark.parametrize("limits", [None, Limits()], ids=["here", "in a worker"])
def test_a_round_lasts_long_enough_and_no_call_of_it_gets_what_another_got(
    staged: Callable[..., Stage], limits: Limits | None
) -> None:
    """Many short calls, and as many sets of operands, each as it must be; other ones in the next round."""
    stage = staged("backward-none-multilabel-2^10", limits=limits)
    stage.warm_up(0.01, 0.1)
    first = stage.offset
    stage.fill(stage.calls)

    assert stage.calls > 10
    assert stage.timed() > 0.002
    assert len({stage.given(index)["logits"].tobytes() for index in range(stage.calls)}) == stage.calls
    assert audit.fault(stage) == ""
    assert (stage.count, stage.offset) != (0, first)
    loss, gradient = stage.rounds.results()
    last = stage.given(stage.last())
    assert np.allclose(loss.reshape(-1), np.logaddexp(0, last["logits"]) - last["logits"] * last["labels"], atol=1e-6)
    assert np.all(np.abs(gradient) < 1)


def test_the_clock_counts_seconds_a_call() -> None:
    """It divides by the number of calls."""
    CLOCK.calls = 4
    wall, before = time.perf_counter(), CLOCK()
    time.sleep(0.02)
    passed = 4 * (CLOCK() - before)
    assert 0.02 <= passed <= time.perf_counter() - wall
    CLOCK.calls = 1


def test_nobody_knows_which_call_is_the_last_of_a_round() -> None:
    """A tenth fewer at most, all of them possible."""
    assert {fewer(100) for _ in range(1000)} == set(range(90, 101))
    assert fewer(1) == 1


@pytest.mark.parametrize("name", ["forward-none-multilabel-2^10", "forward-mean-multilabel-2^10",
                                  "backward-none-pixels-2^10", "backward-mean-pixels-2^10"])  # fmt: skip
@pytest.mark.parametrize(("factor", "right"), [(1.0, True), (1.01, False), (float("nan"), False)])
def test_what_was_timed_is_compared(
    staged: Callable[..., Stage], name: str, factor: float, right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results that are a hundredth too large are wrong ones, in every pass and reduction."""
    stage = staged(name)
    stage.timed()
    results = [np.asarray(each * np.float32(factor)) for each in stage.rounds.results()]
    monkeypatch.setattr(stage.rounds, "results", lambda: results)

    assert (audit.fault(stage) == "") == right


def test_more_bytes_than_the_machine_moves_are_no_time() -> None:
    """Or it was too busy for its own yardstick."""
    assert audit.too_fast(1.2) == ""
    assert audit.too_fast(418.0).startswith("it moves 418.0 times the bytes")


def test_memory_and_processor_time_are_seen(staged: Callable[..., Stage]) -> None:
    """64 MiB more, and no more cores than there are."""
    peak = memory.peak_above(lambda: np.ones(8 << 20))
    stage = staged("forward-none-multilabel-2^14")
    stage.timed()

    assert peak is None or 60 << 20 < peak < 80 << 20
    assert 0 < stage.processor < stage.seconds * (cores() + 0.2) + 0.02


@pytest.mark.parametrize("size", [1 << 12, 1 << 20])
def test_the_yardstick_moves_what_it_says(size: int) -> None:
    """Both kernels, small and large, between a disk and a cache in speed."""
    rates = yardstick.of_cpu(size).measure()

    assert set(rates) == {"copy", "add"}
    assert all(1e8 < rate < 1e13 for rate in rates.values())


def test_a_median_has_an_interval_of_order_statistics() -> None:
    """The middle ranks of a hundred, and the extremes of few."""
    assert median_interval(range(1, 102)) == (51.0, 41, 62)
    assert median_interval([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("factor", "spread", "verdict"),
    [
        (1.0, 0.01, "same"),
        (1.2, 0.01, "slower"),
        (0.8, 0.01, "faster"),
        (1.02, 0.01, "same"),
        (1, 0.3, "inconclusive"),
    ],
)
def test_a_ratio_has_the_verdict_of_its_interval(factor: float, spread: float, verdict: str) -> None:
    """Faster or slower only where the whole interval is beyond 3 %, the same only where it is within."""
    noise = np.random.default_rng(3)
    arms = [each * (1 + spread * noise.random((5, 20))) for each in (1.0, factor)]

    found = paired_ratio(*arms)
    assert found.low <= found.ratio <= found.high
    assert found.ratio == pytest.approx(factor, rel=spread)
    assert found.verdict == verdict


def test_an_interval_holds_what_differs_between_processes() -> None:
    """One slow process of five widens it, however steady its rounds are."""
    steady = np.ones((5, 20))
    moved = steady * np.array([[1.0], [1.0], [1.5], [1.0], [1.5]])

    assert paired_ratio(steady, steady) == Ratio(1.0, 1.0, 1.0)
    assert paired_ratio(steady, moved).verdict == "inconclusive"


@pytest.mark.parametrize("processes", [3, 5, 10])
def test_few_processes_do_not_make_a_verdict_by_chance(processes: int) -> None:
    """Of 200 pairs of arms whose processes differ by chance alone, at most one in twenty gets one."""
    noise = np.random.default_rng(processes)
    between, within = (noise.standard_normal((200, 2, processes, count)) for count in (1, 9))
    arms = np.exp(0.1 * between + 0.02 * within)
    verdicts = [paired_ratio(*pair).verdict for pair in arms]

    assert verdicts.count("faster") + verdicts.count("slower") <= 10


def test_every_arm_stands_in_every_place() -> None:
    """Within as many pairs of rounds as there are arms, each follows each other as often."""
    orders = [_order(3, turn) for turn in range(6)]

    assert orders == [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
@pytest.mark.parametrize("keeps", [False, True])
def test_what_is_freed_stays_with_the_process(keeps: bool) -> None:
    """64 MiB freed are still resident, which they are not otherwise."""
    text = (
        "import numpy as np; from conformance.worker import memory\n"
        f"if {keeps}: memory.keep_freed()\n"
        "one = np.ones(8 << 20); full = memory._resident('VmRSS'); del one\n"
        "print(full - memory._resident('VmRSS'))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, env=environment())

    assert (int(done.stdout) < 1 << 20) == keeps


def test_no_verdict_stands_beside_a_subject_that_differs_from_itself() -> None:
    """The A/A arm keeps its own verdict, the others lose theirs."""
    names = [Subject("numpy", name, "1", "eager", "cpu", "float32") for name in ("a", "a", "b")]
    steady = np.ones((3, 4))
    quiet = judged(names, np.stack([steady, steady, 2 * steady]))
    noisy = judged(names, np.stack([steady, 1.5 * steady, 2 * steady]))

    assert [each.verdict for each in quiet] == ["same", "same", "slower"]
    assert [each.verdict for each in noisy][1:] == ["slower", "inconclusive"]


def test_who_computed_nothing_has_no_rank() -> None:
    """Nor has anybody beside a first one that did not."""
    names = [Subject("numpy", name, "1", "eager", "cpu", "float32") for name in ("a", "a", "b")]
    arms = np.stack([np.ones((3, 4)), np.ones((3, 4)), 2 * np.ones((3, 4))])

    assert [each.verdict for each in judged(names, arms, ["", "", "wrong"])] == ["same", "same", "no rank"]
    assert [each.verdict for each in judged(names, arms, ["wrong", "", ""])] == ["no rank"] * 3


def test_measuring_writes_a_record_for_each_subject_and_workload(tmp_path: Path) -> None:
    """Threads as asked for, rounds beside the yardstick, and a page; resumed, it measures nothing twice."""
    result = conformance(*SMALL, "--threads", "1", "--out", str(tmp_path), *MEASURE)
    found = [each for each in record.read(tmp_path / "results.jsonl") if each["record"] == "speed"]

    assert result.returncode == 0, result.stdout
    assert len(found) == 3 * 4
    assert {each["workload"] for each in found} == {each.name for each in workloads(("*-multilabel-2^10",))}
    for each in found:
        assert each["low"] <= each["median"] <= each["high"]
        assert len(each["samples"]) >= 3
        assert each["threads"] == 1
        assert each["busy"] < 1.3
    again = conformance(*SMALL, "--threads", "1", "--out", str(tmp_path), "--resume", *MEASURE)
    assert again.returncode == 0, again.stdout
    assert len([each for each in record.read(tmp_path / "results.jsonl") if each["record"] == "speed"]) == len(found)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--threads", "999", *MEASURE), "--threads 999: this process may use"),
        (("--workload", "none", *MEASURE), "no workload matches none; such are forward-none-multilabel-2^10"),
        ((*MEASURE, "-n", "2"), "--benchmark-disable is automatically activated if xdist is on"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    """Exit code 2, and no traceback."""
    result = conformance("run", "--adapter", "numpy", "--out", str(tmp_path), *arguments)

    assert result.returncode == 2
    assert told in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_a_subject_is_named_in_short_or_in_full() -> None:
    """Own implementations have a colon in their names, environments follow an @."""
    short, full = choice_of("pytorch:bce"), choice_of("pytorch:own.py:loss:func:gpu:float16")

    assert (short.implementations, short.devices, short.dtypes, short.modes) == (("bce",), ("cpu",), ("float32",), ())
    assert (full.implementations, full.modes, full.devices) == (("own.py:loss",), ("func",), ("gpu",))
    assert choice_of("numpy:own.py:loss:eager:cpu:float32@there/python").adapters == ("numpy@there/python",)
    assert choice_of(f"numpy@{__file__}:exact").adapters == (f"numpy@{__file__}",)


def test_a_duel_shows_every_arm_and_the_first_one_twice(tmp_path: Path) -> None:
    """Two processes, three rounds; the fast formula is not slower than the exact one."""
    out = tmp_path / "duel.json"
    result = conformance(
        "duel", "numpy:exact", "numpy:textbook formula", "--workload", "forward-none-pixels-2^14",
        "--processes", "2", "--rounds", "3", "--threads", "1", "--out", str(out),
    )  # fmt: skip

    assert result.returncode == 0, result.stderr
    assert "A/A" in result.stdout
    arms = json.loads(out.read_text())["arms"]
    assert [each["subject"] for each in arms] == [
        "numpy:exact:eager:cpu:float32", "numpy:exact:eager:cpu:float32", "numpy:textbook formula:eager:cpu:float32",
    ]  # fmt: skip
    assert np.array(arms[2]["seconds"]).shape == (2, 3)
    assert arms[2]["ratio"] < 1


@pytest.mark.parametrize(
    ("subjects", "told"),
    [
        (("numpy:exact",), "a duel needs two subjects"),
        (("numpy:exact", "numpy:nothing"), "unknown implementation 'nothing'"),
        (("nothing", "numpy:exact"), "is no subject; write ADAPTER:IMPLEMENTATION"),
        (("numpy:exact", "numpy:exact@nowhere"), "nowhere"),
    ],
)
def test_a_duel_that_cannot_be_is_refused_in_one_line(subjects: tuple[str, ...], told: str) -> None:
    """Exit code 2, also for what only the worker finds out."""
    result = conformance("duel", *subjects, "--workload", "forward-none-pixels-2^10")

    assert result.returncode == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr

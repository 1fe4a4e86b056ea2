"""How fast: measured with --benchmark-only, and judged by nobody."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from conformance.adapter import NotOffered
from conformance.remote.link import WorkerDied
from conformance.speed.clock import CLOCK, NOT_TIMED
from conformance.speed.trial import Trial
from conformance.subjects import refusal


@pytest.mark.benchmark(timer=CLOCK, disable_gc=True, warmup=False)
def test_speed(trial: Trial, benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> None:
    option = request.config.option
    try:
        trial.prepare()
        rounds = trial.rounds(option.benchmark_min_rounds, float(option.benchmark_max_time))
        benchmark.pedantic(trial.round, setup=trial.between, rounds=rounds, iterations=1)  # type: ignore[no-untyped-call]
        if benchmark.stats is not None:  # --benchmark-disable measures nothing
            trial.finish(benchmark.stats.stats.data)
    except NotOffered as reason:
        pytest.skip(f"unsupported: {reason}")
    except WorkerDied as death:
        pytest.skip(f"{NOT_TIMED}{death.detail}")
    except Exception as error:
        pytest.skip(f"{NOT_TIMED}{refusal.told(error)}")

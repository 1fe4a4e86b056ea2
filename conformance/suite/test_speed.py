"""How fast: measured with --benchmark-only, and judged by nobody."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from conformance.adapter import NotOffered
from conformance.speed.loop import CLOCK
from conformance.speed.trial import Trial


@pytest.mark.benchmark(timer=CLOCK, disable_gc=True, warmup=False)
def test_speed(trial: Trial, benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> None:
    try:
        trial.prepare()
    except NotOffered as reason:
        pytest.skip(f"unsupported: {reason}")
    option = request.config.option
    CLOCK.calls = trial.loop.calls
    rounds = trial.rounds(option.benchmark_min_rounds, float(option.benchmark_max_time))
    benchmark.pedantic(trial.loop, setup=trial.between, rounds=rounds, iterations=1)  # type: ignore[no-untyped-call]
    if benchmark.stats is not None:  # --benchmark-disable measures nothing
        trial.finish(benchmark.stats.stats.data)

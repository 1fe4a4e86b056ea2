"""The laws' inputs: the same for a seed, others for another, and verdicts that do not hang on the seed."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.arithmetic.dtype import DTYPES
from conformance.golden.collection import load_all
from conformance.judging.choice import Choice
from conformance.judging.draw import drawn
from conformance.judging.opening import open_session
from conformance.running.judge import Judge

LAWS = [case for case in load_all() if case.law]
RANGES = list(dict.fromkeys(case.law for case in LAWS if case.law))


def test_twenty_draws_of_a_seed_are_one() -> None:
    """To the bit; another seed draws other inputs."""
    law, dtype = RANGES[0], DTYPES["float32"]
    first = drawn(law, dtype, 0)
    for _ in range(20):
        drawn.cache_clear()
        assert all(np.array_equal(one, other) for one, other in zip(first, drawn(law, dtype, 0), strict=True))
    assert not np.array_equal(first[0], drawn(law, dtype, 1)[0])


def outcomes(framework: str, seed: int) -> dict[tuple[str, str], tuple[str, str]]:
    """Outcome and signature of the laws of the operator for every subject of a framework's first mode."""
    session = open_session(Choice(adapters=(framework,), modes=("eager",), devices=("cpu",), seed=seed))
    judge = Judge(session)
    return {
        (runner.subject.id, clause): (heard.name, heard.signature)
        for runner in session.runners
        for case in LAWS
        for clause in case.clauses
        if clause in ("L1", "L2", "L3")  # the others compare a subject with itself
        for heard in (judge.hear(runner, clause, case),)
    }


@pytest.mark.parametrize("framework", ["numpy", "pytorch"])
def test_five_seeds_give_the_outcomes_of_the_first(framework: str) -> None:
    """A law that is broken is broken by every draw, one that holds by none."""
    first = outcomes(framework, 0)

    assert {outcome for outcome, _ in first.values()} >= {"conforms", "deviates"}
    for seed in range(1, 6):
        assert outcomes(framework, seed) == first

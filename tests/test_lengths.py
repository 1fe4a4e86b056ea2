"""Lengths of vectors: every power of two, and the one that elementwise vectors share."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.subjects import lengths
from conformance.subjects.subject import Call, Runner


@pytest.fixture(params=["eager", "compiled"])
def compiling(request: pytest.FixtureRequest) -> Runner:
    """A subject whose mode compiles for each shape."""
    choice = Choice(adapters=("jax",), modes=(request.param,), devices=("cpu",), dtypes=("float32",))
    return open_session(choice).runners[0]


@pytest.fixture
def interpreting() -> Runner:
    """A subject whose mode takes any shape."""
    return open_session(Choice(adapters=("numpy",), dtypes=("float32",))).runners[0]


def call(count: int) -> Call:
    """So many logits and labels."""
    return Call({name: np.arange(count, dtype=np.float32) for name in ("logits", "labels")})


def test_lengths_lie_around_every_power_of_two(compiling: Runner, interpreting: Runner) -> None:
    """All three of each power; where each shape is compiled one of them, the shared length among these."""
    around = {2**power + step for power in range(1, 18) for step in (-1, 0, 1)}
    few = lengths.around_powers(compiling)

    assert set(lengths.around_powers(interpreting)) == around
    assert len(few) == 17
    assert all(abs(length - 2**power) <= 1 for length, power in zip(few, range(17, 0, -1), strict=True))
    assert lengths.SHARED in few


def test_vectors_are_stretched_where_each_shape_is_compiled(compiling: Runner, interpreting: Runner) -> None:
    """To the shared length, element after element; longer ones stay as they are."""
    given = call(3)
    wide = lengths.stretched(given, compiling).operands["logits"]

    assert wide.shape == (lengths.SHARED,)
    assert wide[:7].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert lengths.cut(wide, 3).tolist() == [0, 1, 2]
    assert lengths.stretched(call(lengths.SHARED + 1), compiling).operands["logits"].shape == (lengths.SHARED + 1,)
    assert lengths.stretched(given, interpreting) is given


def test_a_result_of_another_size_is_not_cut() -> None:
    """A reduced or broadcast result must not be taken for the elements."""
    assert lengths.cut(np.float32(1.0).reshape(()), 3).shape == ()
    assert lengths.cut(np.ones((lengths.SHARED, 2)), 3).shape == (lengths.SHARED, 2)

"""A loss of another shape than its reduction asks for, as every check meets it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conformance.golden.case import Case
from conformance.golden.collection import load_all
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.running.judge import Judge
from conformance.subjects.shape import wrong

NUMPY = """
import numpy as np

def _loss(x, z):
    return np.maximum(x, 0) - x * z + np.log1p(np.exp(-np.abs(x)))

def mean(logits, labels):
    return np.mean(_loss(logits, labels))

def half(logits, labels):
    return _loss(logits, labels).ravel()[::2]

def unreduced(logits, labels, *, reduction="none"):
    return _loss(logits, labels)
"""


ONE = "returned one number where reduction='none' asks for a loss for each element, shape [4]"
TWO = "returned 2 numbers of shape [2] where reduction='none' asks for a loss for each element, shape [4, 2]"


def asking(clause: str) -> Case:
    """The first case of float32 that asks for a clause in the plainest layout."""
    return next(
        each for each in load_all()
        if clause in each.clauses and "float32" in each.dtypes and each.layout == "contiguous"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("got", "logits", "labels", "reduction", "told"),
    [
        ((4,), (4,), (4,), "none", ""),
        ((2, 2), (4,), (4,), "none", ""),  # clause S1 looks at the order of axes
        ((), (4,), (4,), "none", ONE),
        ((2,), (4, 2), (4, 2), "none", TWO),
        ((4,), (4,), (4,), "sum", "returned 4 numbers of shape [4] where reduction='sum' asks for one number"),
        ((), (4,), (4,), "mean", ""),
        ((0,), (0,), (0,), "sum", ""),  # clause S6 says it
        ((4, 4), (4,), (4, 1), "none", ""),  # what does not match is clause S8's
        ((), (1,), (1,), "none", ""),
        ((), (), (), "none", ""),
    ],
)  # fmt: skip
def test_the_number_of_elements_is_what_the_reduction_asks_for(
    got: tuple[int, ...], logits: tuple[int, ...], labels: tuple[int, ...], reduction: str, told: str
) -> None:
    """In a sentence that says both."""
    operands = {"logits": np.zeros(logits), "labels": np.zeros(labels)}

    assert wrong(np.zeros(got), operands, reduction, "logits") == told


@pytest.mark.parametrize(("name", "returned"), [("mean", "one number"), ("half", "numbers of shape")])
def test_values_laws_and_shapes_say_the_same_of_it(tmp_path: Path, name: str, returned: str) -> None:
    """No check computes on, and none breaks."""
    path = tmp_path / "own.py"
    path.write_text(NUMPY)
    session = open_session(Choice(("numpy",), (f"{path}:{name}",), ("cpu",), ("float32",)))
    (runner,) = session.runners
    judge = Judge(session)
    for clause in ("V1", "V5", "S1", "S2", "D2", "L1", "L2", "L4", "L5", "L6", "L7"):
        outcome = judge.hear(runner, clause, asking(clause))
        assert outcome.signature == "wrong-shape", (clause, outcome)
        assert f"{returned}" in outcome.detail


@pytest.mark.parametrize("mode", ["eager", "func"])
def test_a_derivative_of_it_is_not_a_finding_of_its_own(tmp_path: Path, mode: str) -> None:
    """Neither where differentiating it fails nor where it silently gives a number."""
    path = tmp_path / "own.py"
    path.write_text(
        "from torch.nn.functional import binary_cross_entropy_with_logits as f\n"
        "def mean(logits, labels):\n    return f(logits, labels)\n"
    )
    session = open_session(Choice(("pytorch",), (f"{path}:mean",), ("cpu",), ("float32",), (mode,)))
    (runner,) = session.runners
    judge = Judge(session)
    for clause in ("G1", "G4", "G5", "G6", "G7", "L3", "L6"):
        outcome = judge.hear(runner, clause, asking(clause))
        assert outcome.signature == "wrong-shape", (clause, outcome)

"""What a user may name with --implementation, in PyTorch: every kind of callable is judged with its gradients."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.golden.collection import load_all
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.running.judge import Judge
from conformance.spec.outcome import Conforms, Unsupported

OWN = '''
import torch

def _loss(x, z):
    if x.shape != z.shape:
        raise ValueError("shapes differ")
    return x.abs() * torch.where(x > 0, 1 - z, z) + torch.log1p(torch.exp(-x.abs()))

class Fused(torch.autograd.Function):
    """A custom autograd function, as fused kernels are."""

    @staticmethod
    def forward(ctx, logits, labels):
        ctx.save_for_backward(logits, labels)
        return _loss(logits, labels)

    @staticmethod
    def backward(ctx, cotangent):
        x, z = ctx.saved_tensors
        return cotangent * ((1 - z) * torch.sigmoid(x) - z * torch.sigmoid(-x)), -x * cotangent

class Module(torch.nn.Module):
    """A module: its forward has the signature."""

    def forward(self, logits, labels, *, reduction="none"):
        loss = Fused.apply(logits, labels)
        return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss

class Callable:
    """A class with __call__."""

    def __call__(self, logits, labels):
        return Fused.apply(logits, labels)

class Doubled(Fused):
    """Its backward ignores half of the truth."""

    @staticmethod
    def backward(ctx, cotangent):
        first, second = Fused.backward(ctx, cotangent)
        return 2 * first, second
'''


def heard(path: Path, name: str, clauses: tuple[str, ...]) -> dict[tuple[str, str], object]:
    """The outcomes of clauses on the elementwise cases and the reductions."""
    cases = ("values/*", "gradients/*", "reductions/worked*")
    session = open_session(Choice(("pytorch",), (f"{path}:{name}",), ("cpu",), ("float32",), (), clauses, cases))
    (runner,) = session.runners
    judge = Judge(session)
    return {
        (clause, case.id): judge.hear(runner, clause, case)
        for case in load_all()
        if session.case_chosen(case.id) and "float32" in case.dtypes
        for clause in case.clauses
        if session.clause_chosen(clause)
    }


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The file."""
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize("name", ["Fused", "Module", "Callable"])
def test_every_kind_of_callable_is_judged_with_its_own_gradient(own: Path, name: str) -> None:
    """Values, gradients by its own backward, and the reductions that its signature has."""
    found = heard(own, name, ("V[123]", "G[1235]", "R1"))
    reductions = {clause: outcome for (clause, _), outcome in found.items() if clause == "R1"}

    assert {type(outcome) for outcome in found.values()} <= {Conforms, Unsupported}
    assert sum(isinstance(outcome, Conforms) for outcome in found.values()) > 100
    assert isinstance(reductions["R1"], Conforms)


def test_its_own_backward_is_what_is_judged(own: Path) -> None:
    """Not another derivative of the same values."""
    found = heard(own, "Doubled", ("V2", "G1"))

    assert all(isinstance(outcome, Conforms) for (clause, _), outcome in found.items() if clause == "V2")
    assert any(outcome.name == "deviates" for (clause, _), outcome in found.items() if clause == "G1")

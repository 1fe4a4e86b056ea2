"""What is a refusal, and what is a fault of the code that raised it."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch

from conformance.adapter import NotOffered
from conformance.golden import collection as cases
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.running.judge import Judge
from conformance.spec.outcome import Errored, Unsupported
from conformance.subjects import refusal


class LibraryError(Exception):
    """An exception that a library defines."""


def raised(function):
    """The error that a call raises, with its traceback."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        function()
    return caught.value


@pytest.mark.parametrize("kind", [TypeError, ValueError, NotImplementedError, RuntimeError, LibraryError])
def test_a_check_of_arguments_refuses(kind: type[Exception]) -> None:
    """By an error of a kind that says so, or by one of a library's own."""
    assert refusal.is_refusal(kind("no"), ())


@pytest.mark.parametrize(
    "accident",
    [
        lambda: undefined,  # noqa: F821
        [].pop,
        lambda: {}["median"],
        lambda: None.shape,
        lambda: 1 / 0,
        lambda: (_ for _ in ()).throw(RecursionError("deep")),
        b"\xff".decode,
        lambda: (_ for _ in ()).throw(AssertionError),  # without a word
    ],
)
def test_an_accident_refuses_nothing(accident) -> None:
    """A NameError, an IndexError, a KeyError, an AttributeError ... deep inside a candidate is its fault."""
    assert not refusal.is_refusal(raised(accident), ("torch",))


def test_an_assertion_with_a_message_is_a_check() -> None:
    """Kernels refuse so."""
    assert refusal.is_refusal(AssertionError("logits and labels must have one shape"), ())


def test_a_custom_function_without_a_jvp_refuses_forward_mode() -> None:
    """In PyTorch's own words."""

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # noqa: ARG004 - PyTorch's signature
            return x * x

    # The first dual number of a process imports what PyTorch itself calls deprecated.
    with warnings.catch_warnings(action="ignore"), torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(torch.ones(2), torch.ones(2))
        assert refusal.has_no_derivative(raised(lambda: Loss.apply(dual)), ("torch",))


def test_the_frameworks_own_checks_may_raise_anything() -> None:
    """Inside the framework's modules, and nowhere else."""
    error = raised(lambda: np.take(np.zeros(3), 5, axis=0))

    assert isinstance(error, IndexError)
    assert refusal.is_refusal(error, ("numpy",))
    assert not refusal.is_refusal(error, ("torch",))
    assert not refusal.is_refusal(SystemExit(1), ())


def test_a_missing_derivative_is_known_by_its_words() -> None:
    """Those of PyTorch, by asking it; another RuntimeError is none."""
    x, z = torch.ones(2), torch.ones(2, requires_grad=True)
    missing = raised(lambda: torch.nn.functional.soft_margin_loss(x, z))

    assert refusal.has_no_derivative(missing, ("torch",))
    assert not refusal.has_no_derivative(RuntimeError("out of memory"), ("torch",))
    assert not refusal.has_no_derivative(KeyError("not differentiable"), ("torch",))
    detached = raised(lambda: torch.autograd.grad((x * z.detach() * x.requires_grad_()).sum(), z))
    assert refusal.is_disconnected(detached)
    assert not refusal.is_disconnected(missing)


def refuses(logits, labels):
    """A candidate that looks at its arguments."""
    if not torch.isfinite(logits).all():
        raise ValueError("logits must be finite")
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")


def stumbles(logits, labels):
    """A candidate that falls over what is not finite."""
    table = {0: "finite"}
    assert table[int((~torch.isfinite(logits)).sum())]
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")


def breaks(logits, labels):
    """A candidate whose kernel fails on what is not finite, without saying so."""
    if not torch.isfinite(logits).all():
        raise RuntimeError("internal assertion failed: kernel.cu:17")
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")


def offers_nothing(logits, labels):  # noqa: ARG001 - the contract's signature
    """A candidate that takes back what its signature offers."""
    raise NotOffered("not today")


def heard(name, clause, case):
    """The outcome of one check of a function in this file."""
    choice = Choice(("pytorch",), (f"{__file__}:{name}",), ("cpu",), ("float32",), ("eager",))
    session = open_session(choice)
    return Judge(session).hear(session.runners[0], clause, cases.named(case))


def test_nan_that_is_refused_is_unsupported_in_the_candidates_words() -> None:
    """An accident is an error, and a refusal of ordinary numbers is one too."""
    assert heard("refuses", "V5", "values/nan-logit") == Unsupported(
        "it refuses what is not finite: ValueError: logits must be finite"
    )
    assert isinstance(heard("stumbles", "V5", "values/nan-logit"), Errored)
    assert isinstance(heard("breaks", "V5", "values/nan-logit"), Errored)
    assert isinstance(heard("offers_nothing", "V2", "values/confident-negative"), Errored)
    assert math.isfinite(heard("refuses", "V2", "values/confident-negative").measures["max_scaled_ulp"])


@pytest.mark.parametrize("module", ["aardvark", "zebra"])
def test_an_error_of_a_library_may_come_from_anywhere(module: str) -> None:
    """But from Python itself, whose errors are listed."""
    assert refusal.is_refusal(type("Own", (Exception,), {"__module__": module})("no"), ())
    assert not refusal.is_refusal(type("Own", (Exception,), {"__module__": "builtins"})("no"), ())

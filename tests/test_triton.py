"""The example of a fused kernel: it conforms wherever Triton's interpreter can show it, and it compiles for a GPU."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from conformance.golden.collection import load_all
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.running.judge import Judge
from conformance.spec.outcome import Conforms, Unsupported
from tests.command import ROOT

if importlib.util.find_spec("triton") is None:
    pytest.skip("Triton has wheels for Linux alone", allow_module_level=True)

import triton
import triton.language as tl

from benchmarks.gpu import interpreted

EXAMPLE = ROOT / "examples" / "triton_loss.py"
TARGET = "benchmarks.gpu.interpreted:triton_loss"
example, triton_loss = interpreted.example, interpreted.triton_loss


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_it_conforms_to_every_clause(dtype: str) -> None:
    """Nothing deviates, and only what no kernel can offer is unsupported.

    Reductions of ten million elements take the interpreter a minute, and are left out.
    """
    session = open_session(Choice(("pytorch",), (TARGET,), ("cpu",), (dtype,)))
    (runner,) = session.runners
    judge = Judge(session)
    outcomes = {
        (clause, case.id): judge.hear(runner, clause, case)
        for case in session.cases_of(runner)
        for clause in case.clauses
        if clause not in ("R3", "R6")
    }
    kinds = {key: type(outcome) for key, outcome in outcomes.items()}

    assert [key for key, kind in kinds.items() if kind not in (Conforms, Unsupported)] == []
    assert {clause for (clause, _), kind in kinds.items() if kind is Unsupported} <= {"D4", "D5", "E1", "L8", "W8"}
    assert sum(kind is Conforms for kind in kinds.values()) > 250


def test_on_a_cpu_it_is_unsupported_for_it_says_so() -> None:
    """By the function's own devices, which the wrapper for the interpreter does not have."""
    session = open_session(Choice(("pytorch",), (f"{EXAMPLE}:triton_loss",), ("cpu",), ("float32",), (), ("V2",)))
    (runner,) = session.runners
    case = next(each for each in load_all() if "V2" in each.clauses and "float32" in each.dtypes)
    outcome = Judge(session).hear(runner, "V2", case)

    assert isinstance(outcome, Unsupported)
    assert "gpu" in outcome.reason


def each_exp_minus(x, out, BLOCK: tl.constexpr):  # noqa: N803
    """A kernel of one function."""
    index = tl.arange(0, BLOCK)
    tl.store(out + index, example._exp_minus(tl.load(x + index)))


def each_log1p(x, out, BLOCK: tl.constexpr):  # noqa: N803
    """A kernel of one function."""
    index = tl.arange(0, BLOCK)
    tl.store(out + index, example._log1p(tl.load(x + index)))


def computed(kernel: Callable[..., None], values: np.ndarray) -> np.ndarray:
    """What a kernel makes of float32 values (n)."""
    x, out = torch.from_numpy(values), torch.empty(len(values))
    with np.errstate(all="ignore"):
        triton.jit(kernel)[(1,)](x, out, BLOCK=len(values))
    return out.numpy()


@pytest.mark.parametrize(
    ("kernel", "exact", "last", "most"),
    [(each_exp_minus, lambda x: np.exp(-x), 0x42DC0000, 1.0), (each_log1p, np.log1p, 0x3F800000, 1.5)],
    ids=["exp", "log1p"],
)
def test_exponential_and_logarithm_are_near_everywhere(
    kernel: Callable[..., None], exact: Callable[[np.ndarray], np.ndarray], last: int, most: float
) -> None:
    """131,072 numbers from 0 to where exp(-x) is gone, or to 1; subnormal results too."""
    values = np.linspace(0, last, 1 << 17).astype(np.uint32).view(np.float32)
    right = exact(values.astype(np.float64))
    ulp = np.spacing(np.maximum(right, 2.0**-126).astype(np.float32)).astype(np.float64)
    errors = np.abs(computed(kernel, values) - right) / ulp

    assert errors.max() < most
    assert np.isnan(computed(kernel, np.array([np.nan, 1.0], np.float32))[0])


def views(rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Operands (2, 3, 4, 5) in every kind of view."""

    def drawn(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(0.1, 0.9, shape).astype(np.float32))

    return {
        "transposed": drawn(5, 4, 3, 2).permute(3, 2, 1, 0),
        "strided": drawn(2, 3, 4, 10)[..., ::2],
        "sliced": drawn(4, 5, 6, 7)[1:3, 1:4, 1:5, 1:6],
        "expanded": drawn(2, 1, 1, 5).expand(2, 3, 4, 5),
        "channels_last": drawn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }


@pytest.mark.parametrize("kind", ["transposed", "strided", "sliced", "expanded", "channels_last"])
def test_any_strides_of_any_operand_give_what_copies_give(kind: str) -> None:
    """Logits, labels, weights and cotangent each once as a view, beside weights that broadcast; bit for bit."""
    shape = (2, 3, 4, 5)
    rng = np.random.default_rng(7)
    for turn in range(5):
        plain = [torch.from_numpy(rng.uniform(0.1, 0.9, shape).astype(np.float32)) for _ in range(5)]
        plain[turn] = views(rng)[kind]
        q = torch.tensor([[[1.0]], [[2.0]], [[3.0]]])

        def computed(operands: list[torch.Tensor], q: torch.Tensor = q) -> tuple[torch.Tensor, ...]:
            x, z, w, u, c = operands
            x, z, w = (each.detach().requires_grad_() for each in (x, z, w))
            loss = triton_loss(x, z, weight=w, pos_weight=q * u[:1, :, :1, :1])
            with np.errstate(all="ignore"):
                return (loss, *torch.autograd.grad(loss, (x, z, w), c))

        for got, expected in zip(computed(plain), computed([each.contiguous() for each in plain]), strict=True):
            assert torch.equal(got, expected)


def test_every_first_and_second_derivative_is_that_of_the_formula() -> None:
    """Against the formula in float64: logits, labels, both weights, smoothing, mean; then once more for the logits."""
    rng = np.random.default_rng(11)
    x, z, w = (torch.from_numpy(rng.uniform(0.05, 0.95, (6, 4)).astype(np.float32)) for _ in range(3))
    q = torch.tensor([0.5, 1.0, 2.0, 3.0])
    x = 8 * x - 4

    def derived(function: Callable[..., torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
        leaves = [each.detach().to(dtype).requires_grad_() for each in (x, z, w, q)]
        loss = function(*leaves)
        first = torch.autograd.grad(loss, leaves, create_graph=True)
        again = function(leaves[0], leaves[1], w.to(dtype), q.to(dtype))
        again = torch.autograd.grad(again, leaves[0], create_graph=True)
        second = torch.autograd.grad((again[0] ** 2).sum(), leaves[:2])
        return [each.detach().double() for each in (loss, *first, *second)]

    def formula(x: torch.Tensor, z: torch.Tensor, w: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
        z, zero = 0.9 * z + 0.05, torch.zeros_like(x)
        return (w * ((1 - z) * torch.logaddexp(x, zero) + q * z * torch.logaddexp(-x, zero))).mean()

    def own(x: torch.Tensor, z: torch.Tensor, w: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
        return triton_loss(x, z, weight=w, pos_weight=q, reduction="mean", label_smoothing=0.1)

    with np.errstate(all="ignore"):
        found = derived(own, torch.float32)
    for got, expected in zip(found, derived(formula, torch.float64), strict=True):
        assert torch.allclose(got, expected, rtol=2e-6, atol=1e-8)


def test_what_it_has_no_derivative_of_is_refused() -> None:
    """The second derivative with respect to a weight: an error that says so, no zero."""
    x, z, w = (torch.full((3,), 0.5, requires_grad=True) for _ in range(3))
    (first,) = torch.autograd.grad(triton_loss(x, z, weight=w).sum(), x, create_graph=True)

    with pytest.raises(NotImplementedError, match="not implemented"):
        torch.autograd.grad(first.sum(), w)


@pytest.mark.parametrize(
    ("shape", "strides", "merged"),
    [
        ((4, 5), ((5, 1),), ((20,), [(1,)])),
        ((4, 5), ((5, 1), (0, 1)), ((4, 5), [(5, 1), (0, 1)])),
        ((2, 3, 4, 5), ((60, 20, 5, 1), (0, 1, 0, 0)), ((2, 3, 20), [(60, 20, 1), (0, 1, 0)])),
        ((), ((),), ((1,), [(0,)])),
        ((1, 7, 1), ((7, 1, 1),), ((7,), [(1,)])),
    ],
)
def test_axes_are_merged_where_every_operand_allows_it(shape: tuple, strides: tuple, merged: tuple) -> None:
    """What is contiguous has one axis; a bias of channels leaves three."""
    assert example._merged(shape, strides) == merged


def test_offsets_beyond_2_to_the_31_are_taken_in_64_bits() -> None:
    """A view that steps 3 GiB through memory that nobody reads in between."""
    seen = []

    class Kernel:
        def __getitem__(self, grid: object) -> object:
            return lambda *_, **more: seen.append(more)

    class Far:
        """A tensor of which only the shape is looked at."""

        shape, device = torch.Size((3, 2)), torch.device("cpu")

        def __init__(self, step: int) -> None:
            self.step = step

        def numel(self) -> int:
            return 6

        def expand(self, _: object) -> object:
            return self

        def stride(self) -> tuple[int, int]:
            return (self.step, 1)

        is_cuda = False

    for step in (2, 1 << 30):
        example._launch(Kernel(), Far(step), (Far(step),), (), 0.0)
    assert [each["WIDE"] for each in seen] == [False, True]


def test_every_clause_that_a_comment_names_exists() -> None:
    """And a handful of them are named, for that is what the example is for."""
    from conformance.spec.clauses import CLAUSES

    named = set(re.findall(r"\b([VGSRWDLE]\d{1,2})\b", EXAMPLE.read_text(encoding="utf-8")))

    assert named <= set(CLAUSES)
    assert {"V3", "V4", "G2", "G3", "S7", "S8", "R4", "L4", "D2"} <= named


def test_it_compiles_for_a_gpu_without_approximate_instructions(tmp_path: Path) -> None:
    """Every kernel, with 32-bit and 64-bit offsets: no approximate exponential, logarithm or division."""
    own = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    own["TRITON_CACHE_DIR"] = str(tmp_path)
    command = [sys.executable, "-m", "tests.compiled"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=own, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    texts = json.loads(done.stdout)

    assert len(texts) == 5
    for text in texts:
        assert "fma.rn.f32" in text
        assert re.findall(r"(?:ex2|lg2|rcp)\.approx|div\.full|div\.approx|(?:add|mul|fma)\S*\.ftz", text) == []


def test_the_example_stands_alone() -> None:
    """It imports Triton and PyTorch, and nothing of this project: an author copies one file."""
    tree = ast.parse(EXAMPLE.read_text(encoding="utf-8"))
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert names <= {"__future__", "collections", "typing", "torch", "triton"}

"""Which faults of a reduction show, from two elements to a million, in each dtype."""

from __future__ import annotations

import pytest
import torch

from conformance.arithmetic.dtype import DTYPES
from conformance.golden import collection as cases
from conformance.judging.choice import Choice
from conformance.spec.bounds import whole_mean
from tests import teeth
from tests.miniatures import reductions

WHOLE_CASES = sorted(
    (case.texts["logits"].size * case.repeat, case.id) for case in cases.load_all() if "R7" in case.clauses
)


def failing(target: str, dtype: str, clause: str) -> set[str]:
    """The cases of a clause that a miniature fails."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        choice = Choice(("pytorch",), (target,), ("cpu",), (dtype,), ("eager",), (clause,))
        return {heard.case for heard in teeth.hear(choice) if heard.failed}
    finally:
        torch.set_num_threads(threads)


def test_whole_losses_come_in_every_size() -> None:
    """From two to a million."""
    sizes = [size for size, _ in WHOLE_CASES]

    assert sizes[0] == 2
    assert sizes[-1] >= 1_000_000
    assert len(sizes) == 11
    assert any(size % 2 for size in sizes if size > 10_000)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dividing_by_one_less_shows_wherever_the_dtype_can_show_it(dtype: str) -> None:
    """At every size up to a million in float64, in the others while 1 / n is more than what roundings excuse.

    Beyond, a mean that is off by 1 / n rounds to the same number, or to one beside it, and no result shows it.
    """
    precision = DTYPES[dtype].precision
    wanted = {
        name for size, name in WHOLE_CASES if 2 * whole_mean(size, precision).ulps * size < 2.0 ** (precision - 1)
    }

    assert wanted <= failing(reductions.DividesByOneLess.miniature.target, dtype, "R7")
    assert len(wanted) == {"float64": 11, "float32": 8, "float16": 5, "bfloat16": 4}[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_rest_that_was_left_out_shows(dtype: str) -> None:
    """1,696 elements of a hundred thousand; 576 of a million are less than half precision can show."""
    found = failing(reductions.DropsTheLastBlock.miniature.target, dtype, "R7")
    wide = DTYPES[dtype].precision >= 24

    assert {"reductions/whole-hundred-thousand", *(["reductions/whole-million"] if wide else [])} <= found


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_common_fused_mean_is_not_accused(dtype: str) -> None:
    """1 / n multiplied into each loss, blocks of 1024 added up one after the other, as fused kernels do."""
    assert failing("tests.exemplars.in_pytorch:premultiplied", dtype, "R[124567]") == set()


def test_an_accumulator_of_half_precision_shows() -> None:
    """From sixteen elements on: what it loses at fewer is a rounding."""
    found = failing(reductions.AddsUpInHalf.miniature.target, "float16", "R7")

    assert {name for size, name in WHOLE_CASES if size >= 16} <= found


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_right_reduction_is_not_accused(dtype: str) -> None:
    """PyTorch's own."""
    target = "binary_cross_entropy_with_logits"

    assert failing(target, dtype, "R[1-7]") == set()

"""The suite accuses nobody wrongly: implementations that are right conform to every clause, with no ledger.

TensorFlow and JAX take long for shapes that they have not seen. Beyond float32 they are put to the cases that share
one shape; ``--exhaustive`` puts them to all.
"""

from __future__ import annotations

import itertools

import pytest
import torch

from conformance.arithmetic.dtype import DTYPES
from conformance.judging.choice import Choice
from conformance.spec.clauses import CLAUSES
from conformance.spec.outcome import Conforms
from tests import teeth

ONE_SHAPE = ("values/*", "gradients/*", "dtypes/*", "errors/*", "laws/*", "reductions/half-*")
ON_LOGITS = {clause for clause in CLAUSES if not clause.startswith("P")}
SECOND_MODES = {"pytorch": "func", "tensorflow": "graph", "jax": "compiled"}
SUBJECTS = [
    *itertools.product(["pytorch"], ["correct", "within_two_ulps", "narrow"], DTYPES),
    *itertools.product(["tensorflow", "jax"], ["correct", "within_two_ulps"], DTYPES),
]


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors are computed sooner by one thread, the more so beside other processes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def heard(framework: str, name: str, dtype: str, mode: str, **choice: tuple[str, ...]) -> list[teeth.Heard]:
    """What the suite says of an exemplar."""
    target = f"tests.exemplars.in_{framework}:{name}"
    subject = Choice((framework,), (target,), ("cpu",), (dtype,), (mode,), **choice)
    return list(teeth.hear(subject))


@pytest.mark.parametrize(("framework", "name", "dtype"), SUBJECTS)
def test_a_right_implementation_is_not_accused(
    pytestconfig: pytest.Config, framework: str, name: str, dtype: str
) -> None:
    """By no clause of any level, in the first mode, nor by a comparison of the second mode with it."""
    whole = framework == "pytorch" or dtype == "float32" or pytestconfig.getoption("exhaustive")
    found = heard(framework, name, dtype, "eager", cases=() if whole else ONE_SHAPE)
    found += heard(framework, name, dtype, SECOND_MODES[framework], clauses=("L7",))

    assert [each for each in found if each.failed] == []
    conforming = {each.clause for each in found if isinstance(each.outcome, Conforms)}
    if whole:
        # D4 and L8 are about what an implementation declares; R7 about losses that are whole, which two ULP are not; D5
        # is for modes of mixed precision, W8 for who has an ignore_index, and L9 is heard by tests/test_ambient.py.
        declared = {"D4", "D5", "L8", "L9"} | (set() if framework == "pytorch" else {"W8"})
        declared |= {"R7"} if name == "within_two_ulps" else set()
        assert conforming == ON_LOGITS - declared - ({"R4"} if dtype in ("float64", "float32") else {"R3", "R6"})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["plain", "narrow", "floored", "clipped", "narrow_clipped"])
@pytest.mark.parametrize("mode", ["eager", "func"])
def test_nor_is_one_on_probabilities(name: str, dtype: str, mode: str) -> None:
    """Clamped as its documentation says, or not at all.

    P7 has nothing to say where documentation clamps both ends, and P8 only of what is declared to be another function.
    """
    target = f"tests.exemplars.on_probabilities:{name}"
    found = list(teeth.hear(Choice(("pytorch",), (target,), ("cpu",), (dtype,), (mode,))))

    assert [each for each in found if each.failed] == []
    conforming = {each.clause for each in found if isinstance(each.outcome, Conforms)}
    assert conforming == set(CLAUSES) - ON_LOGITS - {"P8"} - (set() if name in ("plain", "narrow") else {"P7"})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["correct", "within_two_ulps", "narrow"])
def test_nor_is_it_under_torch_func(name: str, dtype: str) -> None:
    """vmap, vjp and jvp take other paths through a custom function."""
    cases = tuple(each.id for each in teeth.collection.load_all() if not {"R3", "L9"} & {*each.clauses})

    assert [each for each in heard("pytorch", name, dtype, "func", cases=cases) if each.failed] == []


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["correct", "within_two_ulps", "narrow", "widening"])
def test_nor_is_it_under_autocast(name: str, dtype: str) -> None:
    """Whether its loss stays wide or not."""
    found = heard("pytorch", name, dtype, "autocast")

    assert [each for each in found if each.failed] == []
    wide = {type(each.outcome) is Conforms for each in found if each.clause == "D5"}
    assert wide == {name == "widening"}


@pytest.mark.parametrize("framework", SECOND_MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_said_to_be_wrong_by_two_ulps_is(framework: str, dtype: str) -> None:
    """Wrong by more than one, and by no more than what float64's own arithmetic adds to two."""
    exemplar = heard(framework, "within_two_ulps", dtype, "eager", clauses=("V3",), cases=("values/*", "dtypes/*"))
    largest = max(each.outcome.measures["max_result_ulp"] for each in exemplar)

    assert 1 < largest <= (3 if dtype == "float64" else 2)


@pytest.mark.parametrize("framework", SECOND_MODES)
def test_what_is_said_to_be_rounded_once_is(framework: str) -> None:
    """Half an ULP is what one rounding costs."""
    exemplar = heard(framework, "correct", "float32", "eager", clauses=("V3",), cases=("values/*", "dtypes/*"))

    assert max(each.outcome.measures["max_result_ulp"] for each in exemplar) <= 0.5000001

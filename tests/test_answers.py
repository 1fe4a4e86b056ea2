"""Checks that look at shapes, dtypes, refusals and masks: subjects that give one wrong answer."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from conformance import case as cases
from conformance.adapter import NotOffered, Reduction
from conformance.examination import Examination
from conformance.outcome import Conforms, Deviates
from conformance.suite import test_dtypes, test_errors, test_shapes, test_weights
from tests.test_bounds import Moved
from tests.test_checks import Shown
from tests.test_laws import Made, examined


def answering(answer, **changes):
    """A subject that answers every call for a loss so, and every other one rightly."""

    class Answering(Made):
        def run(self, call, quantity="loss", _wrt="logits"):
            return answer(call) if quantity == "loss" else super().run(call, quantity)

    runner = Answering()
    runner.implementation = dataclasses.replace(runner.implementation, **changes)
    return runner


def refuse(_):
    """What a framework raises."""
    raise TypeError("no")


def test_the_shape_is_that_of_the_logits() -> None:
    """One element is no vector of one element."""
    check = test_shapes.same_shape
    assert examined(check, "shapes/multi-label-saturated", Made()) == Conforms({"shape": "[4, 3]"})
    for shape in ((3, 4), (12,), (4, 3, 1), (5, 3), (4, 2)):
        runner = answering(lambda _, shape=shape: np.zeros(shape, np.float32))
        assert examined(check, "shapes/multi-label-saturated", runner).signature == "wrong-shape"


@pytest.mark.parametrize("form", ["flattened", "with axes (1, 0)"])
@pytest.mark.parametrize("quantity", ["loss", "gradient"])
def test_bits_are_the_same_in_any_shape(form: str, quantity: str) -> None:
    """One element that differs, in one form, of one quantity."""
    name, check, turns = "shapes/mask-soft-borders", test_shapes.same_bits_in_any_shape, []

    def touch(which, values, _x, _z):
        turns.append(which)
        values = values.copy()
        turn = {"flattened": 2, "with axes (1, 0)": 3}[form]
        if which == quantity and turns.count(which) == turn:
            values.flat[-1] += 2.0**-10
        return values

    found = examined(check, name, Made(touch))
    assert (found.signature, found.detail.split(" elements")[0][:4]) == ("differs", "1 of")
    assert f"the {quantity} differ" in found.detail
    assert ("flattened" in found.detail) == (form == "flattened")
    assert isinstance(examined(check, name, Made()), Conforms)


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("ranks", [(1,), (3,)])
def test_a_result_of_another_size_has_the_wrong_shape_in_any_form(ranks: tuple[int, ...], more: int) -> None:
    """Fewer elements or more, in the case's own form or in another one."""

    def answer(call):
        logits = call.operands["logits"]
        return np.zeros(logits.size + (more if logits.ndim in ranks else 0), np.float32).reshape(
            -1 if logits.ndim in ranks else logits.shape
        )

    found = examined(test_shapes.same_bits_in_any_shape, "shapes/mask-soft-borders", answering(answer))
    assert found.signature == "wrong-shape"


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_a_result_of_another_dtype_has_other_bits(dtype: type[np.generic]) -> None:
    """Zeros too."""

    def answer(call):
        logits = call.operands["logits"]
        return np.zeros(logits.shape, dtype if logits.ndim == 1 else np.float32)

    found = examined(test_shapes.same_bits_in_any_shape, "shapes/mask-soft-borders", answering(answer))
    assert found.signature == "differs"
    assert "flattened" in found.detail


@pytest.mark.parametrize("name", ["shapes/mask-two-channels", "shapes/mask-soft-borders"])
def test_pictures_are_judged_with_channels_last_too(name: str) -> None:
    """Where they have channels; a result that is wrong in one order is wrong, and so is its shape."""
    check, own = test_shapes.values_in_shape, cases.named(name).shape

    def spoilt(change):
        class Spoilt(Shown):
            def run(self, call, quantity="loss", wrt="logits"):
                values = super().run(call, quantity, wrt)
                return values if values.shape == own else change(values)

        return examined(check, name, Spoilt(name, lambda values: values))

    assert isinstance(spoilt(lambda values: values), Conforms)
    assert isinstance(spoilt(lambda values: 2 * values), Deviates if len(own) == 4 else Conforms)


@pytest.mark.parametrize("shape", [(1, 1, 1), (9, 9, 9)])
def test_values_have_the_shape_that_was_asked_for(shape: tuple[int, ...]) -> None:
    """Smaller or larger."""
    wrong = answering(lambda _: np.zeros(shape, np.float32))

    assert examined(test_shapes.values_in_shape, "shapes/mask-soft-borders", wrong).signature == "wrong-shape"


def test_a_sum_that_is_not_offered_excuses_no_mean() -> None:
    """Of nothing."""
    only = answering(
        lambda call: np.ones(() if call.reduction == "mean" else 0), reductions={"mean": Reduction("mean")}
    )

    assert examined(test_shapes.empty, "shapes/empty-vector", only).signature == "wrong-value"


@pytest.mark.parametrize(
    ("reduction", "value", "signature"),
    [
        ("sum", 0.0, ""), ("mean", 0.0, ""), ("mean", math.nan, ""),
        ("sum", math.nan, "wrong-value"), ("sum", 1.0, "wrong-value"), ("mean", math.inf, "wrong-value"),
    ],
)  # fmt: skip
def test_nothing_has_a_sum_of_zero_and_a_mean_of_zero_or_nan(reduction: str, value: float, signature: str) -> None:
    """And no elements."""

    def answer(call):
        right = np.zeros(() if call.reduction != "none" else (0,), np.float32)
        return np.float32(value) if call.reduction == reduction else right

    found = examined(test_shapes.empty, "shapes/empty-vector", answering(answer))
    assert found.signature == signature
    assert signature or found.measures[reduction] == str(value)
    # Either in the order of tuples.
    for shape in ((1,), (0, 1), ()):
        wrong = answering(lambda call, shape=shape: np.zeros(shape if call.reduction == "none" else ()))
        assert examined(test_shapes.empty, "shapes/empty-vector", wrong).signature == "wrong-shape"
    vector = answering(lambda call: np.zeros(0 if call.reduction == "none" else 1))
    assert examined(test_shapes.empty, "shapes/empty-vector", vector).signature == "wrong-value"


def test_a_view_may_differ_from_its_copy_within_the_bound() -> None:
    """Which is recorded; beyond the bound, or in another shape, it deviates."""
    name, check = "shapes/layout-channels-last", test_shapes.views

    def views(change):
        class Views(Shown):
            def run(self, call, quantity="loss", wrt="logits"):
                values = super().run(call, quantity, wrt)
                return values if call.layout == "contiguous" else change(values)

        return examined(check, name, Views(name, lambda values: values))

    assert views(lambda values: values).measures == {"loss_bits_as_copy": True, "gradient_bits_as_copy": True}
    near = views(lambda values: values * np.float32(1 + 2.0**-22))
    assert near.measures == {"loss_bits_as_copy": False, "gradient_bits_as_copy": False}
    assert isinstance(views(lambda values: values * np.float32(1.5)), Deviates)
    assert views(lambda values: values.reshape(-1)).signature == "wrong-shape"
    assert views(lambda values: values[:1, :1]).signature == "wrong-shape"


@pytest.mark.parametrize("broadcasts", [True, False])
def test_mismatched_shapes_raise_or_broadcast_where_declared(broadcasts: bool) -> None:
    """A number where nothing was declared is no error where there should be one."""
    name, check = "shapes/logit-column-against-label-matrix", test_shapes.mismatched
    runner = Moved(examined(lambda it: Conforms({"case": it.case}), name, Made()).measures["case"], "", 0, "")
    runner.implementation = dataclasses.replace(runner.implementation, broadcasts=broadcasts)
    wrong = answering(lambda _: np.zeros((4, 3), np.float32), broadcasts=broadcasts)

    assert examined(check, name, answering(refuse)) == Conforms({"observed": "raises TypeError"})
    assert isinstance(examined(check, name, runner), Conforms if broadcasts else Deviates)
    assert examined(check, name, wrong).signature == ("wrong-value" if broadcasts else "no-error")
    never = answering(lambda _: np.zeros(4, np.float32), broadcasts=True)
    assert examined(check, "shapes/lengths-differ", never).signature == "no-error"


def test_what_must_be_refused_is_refused() -> None:
    """A number is no error; an unknown reduction is asked of those only that have reductions."""
    check = test_errors.raises
    number = answering(lambda _: np.zeros(3, np.float32))
    assert examined(check, "errors/lengths-differ", answering(refuse)) == Conforms({"observed": "raises TypeError"})
    assert examined(check, "errors/lengths-differ", number).signature == "no-error"
    assert examined(check, "errors/reduction-median", number).signature == "no-error"
    bare = answering(lambda _: np.zeros(3, np.float32), function=lambda logits, labels: logits + labels)
    assert examined(check, "errors/lengths-differ", bare).signature == "no-error"
    for name in ("errors/reduction-median", "errors/reduction-misspelt"):
        with pytest.raises(NotOffered, match="no reduction"):
            examined(check, name, bare)
    other = dataclasses.replace(cases.named("errors/reduction-median"), reductions=("summe",))
    with pytest.raises(NotOffered, match="no reduction"):
        check(Examination(bare, other, None))


def test_labels_outside_their_range_give_the_value_of_the_formula_or_an_error() -> None:
    """Which of the two is recorded."""
    name, check = "errors/label-two", test_errors.labels_outside
    assert examined(check, name, answering(refuse)).measures == {"observed": "raises TypeError"}
    assert examined(check, name, Made()).measures == {"observed": "the formula's value"}
    assert isinstance(examined(check, name, answering(lambda call: 0 * call.operands["logits"])), Deviates)


def test_the_result_has_the_dtype_of_the_logits() -> None:
    """Twice as wide is another dtype."""
    wide, narrow = (
        answering(lambda call, dtype=dtype: call.operands["logits"].astype(dtype)) for dtype in (np.float64, np.float16)
    )

    assert examined(test_dtypes.result_dtype, "dtypes/float32-labels", narrow).signature == "wrong-dtype"
    assert examined(test_dtypes.result_dtype, "dtypes/float32-labels", Made()) == Conforms({"dtype": "float32"})
    assert examined(test_dtypes.result_dtype, "dtypes/float32-labels", wide).signature == "wrong-dtype"


def test_labels_of_another_dtype_are_computed_at_the_narrowest_precision_or_refused() -> None:
    """An integer result is truncated; a float16 label allows float16's errors, and no more."""
    check, name = test_dtypes.mixed, "dtypes/float16-labels"
    off = lambda size: Made(lambda _q, values, _x, _z: values * (1 + size))  # noqa: E731

    assert examined(check, name, answering(refuse)).measures == {"observed": "refuses float16 labels: TypeError"}
    assert examined(check, name, Made()).measures["observed"] == "float16 labels give float32"
    assert isinstance(examined(check, name, off(2.0**-11)), Conforms)
    assert isinstance(examined(check, name, off(2.0**-5)), Deviates)
    assert isinstance(examined(check, "dtypes/int32-labels", off(2.0**-11)), Deviates)
    assert examined(check, "dtypes/int32-labels", Made()).measures["observed"] == "int32 labels give float32"
    whole = answering(lambda call: call.operands["logits"].astype(np.int32))
    assert examined(check, "dtypes/int32-labels", whole).signature == "truncated"


def test_a_zero_weight_takes_its_element_out_and_no_other() -> None:
    """Under a zero weight an infinite logit may give NaN, which is recorded; a finite one may not."""
    check, key = test_weights.zero_weight, "gradient_of_infinite_logit_under_zero_weight"

    def given(name, change):
        return examined(check, name, Shown(name, change))

    assert isinstance(given("weights/zero", lambda values: values), Conforms)
    assert isinstance(given("weights/zero", lambda values: 0 * values), Conforms)
    assert key not in given("weights/zero", lambda values: values).measures
    for wrong in (1e-3, -1e-3):
        found = given("weights/zero", lambda values, wrong=wrong: np.where(values == 0, wrong, values))
        assert found.signature == "not-exact"
    assert given("weights/zero", lambda values: np.where(values == 0, math.nan, values)).signature == "not-exact"
    right = given("weights/zero-over-infinite", lambda values: np.nan_to_num(values, nan=0.0))
    assert right.measures == {key: "zero"}
    infinite = given("weights/zero-over-infinite", lambda values: np.where(values == 0, math.nan, values))
    assert infinite.measures == {key: "nan"}
    assert isinstance(given("weights/zero-over-infinite", lambda values: 2 * np.nan_to_num(values)), Deviates)


def test_without_a_gradient_a_zero_weight_shows_nothing() -> None:
    """An adapter that does not differentiate is not asked."""

    class Loss(Shown):
        def run_both(self, _call):
            raise NotOffered("no gradient")

    with pytest.raises(NotOffered, match="does not differentiate"):
        examined(test_weights.zero_weight, "weights/zero", Loss("weights/zero", lambda values: values))

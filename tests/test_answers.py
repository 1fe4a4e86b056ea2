"""Checks that look at shapes, dtypes, refusals and masks: subjects that give one wrong answer."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from conformance.adapter import NotOffered, Reduction
from conformance.arithmetic.dtype import DTYPES
from conformance.golden import collection as cases
from conformance.judging.examination import Examination
from conformance.spec.outcome import Conforms, Deviates
from conformance.subjects.subject import Subject, native
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


@pytest.mark.parametrize("name", ["row-logits-against-column-labels", "column-logits-against-row-labels"])
def test_as_many_logits_as_labels_may_be_paired(name: str) -> None:
    """Each logit with its own label, in whichever shape; anything else is no error where there should be one."""
    case = cases.named(f"shapes/{name}")
    paired = test_shapes._paired(Examination(Made(), case, None))
    losses = np.float32(paired.exact("loss", DTYPES["float32"]).approximate())

    def given(values):
        return examined(test_shapes.mismatched, case.id, answering(lambda _: values))

    for shape in ((4,), (4, 1)):
        found = given(losses.reshape(shape))
        assert found.measures["observed"].startswith("pairs each logit of [4")
    assert given(losses[::-1]).signature == "no-error"
    for values in (losses[:3], np.float32(1), np.tile(losses, (4, 1)), np.append(losses, losses[:1])):
        assert given(values).signature == "no-error"


def keyed(*names):
    """What a table of reductions raises."""

    def answer(_):
        raise KeyError(*names)

    return answering(answer)


def test_a_table_without_the_reduction_refuses_it() -> None:
    """A KeyError of the reduction's name; one of another name, before it or after it, is an accident."""
    check, name = test_errors.raises, "errors/reduction-median"

    assert examined(check, name, keyed("median")) == Conforms({"observed": "raises KeyError"})
    for names in (("dim",), ("weights",), (), ("median", "more")):
        with pytest.raises(KeyError):
            examined(check, name, keyed(*names))


@pytest.mark.parametrize("wrap", ["tf.reduce_mean({})", "{}.mean()", "~{}"])
def test_a_reduction_that_is_a_function_of_its_own_is_no_argument(wrap: str) -> None:
    """It cannot be refused, whatever the others are; the first reduction of a case is the one that is asked for."""
    apart = {"none": Reduction("none"), "mean": Reduction("mean", "numel", wrap)}
    name, number = "errors/reduction-median", lambda _: np.zeros(3, np.float32)
    assert Reduction("mean", "numel", wrap).wrap == wrap

    with pytest.raises(NotOffered, match="no reduction"):
        examined(test_errors.raises, name, answering(number, reductions=apart))
    assert (
        examined(test_errors.raises, "errors/lengths-differ", answering(number, reductions=apart)).signature
        == "no-error"
    )
    both = dataclasses.replace(cases.named(name), reductions=("median", "none"))
    with pytest.raises(NotOffered, match="no reduction"):
        test_errors.raises(Examination(answering(number, reductions=apart), both, None))


def test_a_call_with_its_defaults_says_which_dtype_it_computes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right at the precision of its result; a function without such options is not asked."""
    name, check = "dtypes/result-dtype", test_dtypes.by_default
    results = {}
    monkeypatch.setattr(test_dtypes, "Runner", lambda *_: results["runner"])

    def by_default(dtype, size=0.0):
        results["runner"] = answering(lambda call: (Made().run(call).astype(np.float64) * (1 + size)).astype(dtype))
        return examined(check, name, answering(refuse, plain=abs))

    with pytest.raises(NotOffered, match="no option"):
        examined(check, name, Made())
    assert by_default("float32").measures["observed"] == "float32 gives float32"
    assert by_default("float16", 2.0**-11).measures["observed"] == "float32 gives float16"
    assert isinstance(by_default("float32", 2.0**-11), Deviates)
    assert isinstance(by_default("float16", 2.0**-5), Deviates)
    assert by_default("int32").signature == "truncated"


def mixed(**results):
    """A subject in float16 of mixed precision that returns these dtypes."""

    class Mixed(Made):
        def run(self, call, quantity="loss", _wrt="logits"):
            values = super().run(call, quantity)
            return values.astype(results.get(quantity, "float16"))

    runner = Mixed()
    runner.subject = Subject("a", "f", "1", "mixed", "cpu", "float16")
    runner.adapter.mixed = {"mixed": ("float16",)}
    return runner


def test_a_loss_may_be_wider_where_precision_is_mixed_and_a_gradient_may_not() -> None:
    """float32 is what is promised, and nothing wider."""
    name, check = "dtypes/mixed-precision", test_dtypes.result_dtype

    assert examined(check, name, mixed()) == Conforms({"dtype": "float16"})
    assert examined(check, name, mixed(loss="float32")) == Conforms({"dtype": "float32"})
    for wrong in ({"loss": "float64"}, {"loss": "int32"}, {"gradient": "float32"}):
        assert examined(check, name, mixed(**wrong)).signature == "wrong-dtype"


def test_a_wider_loss_is_judged_at_its_own_precision() -> None:
    """One of half precision is not; one that stayed narrow is not asked."""
    name, check = "dtypes/mixed-precision", test_dtypes.wider

    assert isinstance(examined(check, name, mixed(loss="float32")), Conforms)
    rounded = mixed(loss="float16")
    rounded.run = lambda call, quantity="loss", _wrt="": mixed(loss="float16").run(call, quantity).astype("float32")
    assert examined(check, name, rounded).signature == "off-by-ulps"
    for other, told in ((mixed(), "dtype of the logits"), (Made(), "of one precision")):
        with pytest.raises(NotOffered, match=told):
            examined(check, name, other)
    # A dtype before that of the logits in the alphabet is another one too.
    assert isinstance(examined(check, name, mixed(loss=native(np.zeros(1), DTYPES["bfloat16"]).dtype)), Conforms)
    assert examined(check, name, mixed(loss="int32")).signature == "truncated"

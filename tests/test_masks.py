"""What is masked: a zero weight or cotangent over what is not finite, and labels that are ignored."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from conformance.adapter import Implementation, NotOffered, Reduction
from conformance.arithmetic.dtype import DTYPES
from conformance.golden import collection as cases
from conformance.judging.choice import Choice
from conformance.judging.offers import applicable
from conformance.judging.opening import open_session
from conformance.spec.outcome import Conforms, Deviates
from conformance.subjects.reproducer import script
from conformance.subjects.subject import Call
from conformance.suite import test_gradients, test_weights
from tests import teeth
from tests.test_checks import Shown
from tests.test_laws import Made, examined

FLOAT32 = DTYPES["float32"]
AGREEING, DISAGREEING = "weights/zero-over-infinite-agreeing", "weights/zero-over-infinite-disagreeing"


def changed(check, name, change):
    """What a check says of a case whose results were changed."""
    return examined(check, name, Shown(name, change))


def where_zero(wrong):
    """Every exact zero replaced."""
    return lambda values: np.where(values == 0, wrong, values)


@pytest.mark.parametrize("name", [AGREEING, DISAGREEING, "weights/zero-over-infinite"])
def test_a_zero_weight_removes_an_infinite_logit(name: str) -> None:
    """The limit is zero, in loss and gradient; NaN, an infinity and a small number are not."""
    check = test_weights.zero_over_infinite

    assert isinstance(changed(check, name, lambda values: values), Conforms)
    for wrong in (math.nan, math.inf, 1e-30):
        found = changed(check, name, where_zero(wrong))
        assert isinstance(found, Deviates)
        assert found.detail.startswith("the loss: ")
    # What is wrong elsewhere is another clause's matter.
    assert isinstance(changed(check, name, lambda values: 2 * values), Conforms)


def test_a_zero_weight_over_nan_gives_nan_or_zero_and_touches_no_other() -> None:
    """Which of the two is recorded, of loss and gradient."""
    name, check = "weights/zero-over-nan", test_weights.zero_over_nan

    assert changed(check, name, lambda values: values).measures == {"loss_over_nan": "nan", "gradient_over_nan": "nan"}
    masked = changed(check, name, lambda values: np.nan_to_num(values, nan=0.0))
    assert masked.measures == {"loss_over_nan": "zero", "gradient_over_nan": "zero"}
    assert changed(check, name, lambda values: np.nan_to_num(values, nan=0.5)).signature == "not-exact"
    assert changed(check, name, lambda values: values * math.nan).signature == "nan"
    assert isinstance(changed(check, name, lambda values: 2 * values), Deviates)


def test_a_zero_cotangent_over_what_is_not_finite_is_recorded() -> None:
    """Of infinite and of NaN elements apart."""
    name, check = "gradients/cotangent-zero-over-special", test_gradients.zero_cotangent

    exact = changed(check, name, lambda values: values)
    assert exact.measures == {"gradient_over_nan": "nan", "gradient_over_infinite": "zero"}
    ieee = changed(check, name, where_zero(math.nan))
    assert ieee.measures == {"gradient_over_nan": "nan", "gradient_over_infinite": "nan"}
    assert changed(check, name, where_zero(1.0)).signature == "not-exact"
    assert isinstance(changed(check, name, lambda values: values * math.nan), Deviates)


def test_an_ignored_element_counts_as_one_of_weight_zero() -> None:
    """Its label is not put into the formula, and no mean counts it."""
    case = cases.named("weights/ignore-index")
    elements = np.array(list(case.elements(FLOAT32)))

    off = case.texts["labels"].ravel() == "255"
    assert (elements[off, 1:3] == 0).all()
    assert (elements[~off, 2] == 1).all()
    assert (case.exact("loss", FLOAT32).hi[off] == 0).all()
    assert case.hard_labels
    assert not case.elementwise
    assert examined(lambda examination: examination.call(), case.id, Made()).ignore_index == 255


@pytest.mark.parametrize(("target", "signature"), [
    ("tests.exemplars.in_pytorch:correct", ""),
    ("tests.miniatures.weights:IgnoredDivide", "wrong-divisor"),
    ("tests.miniatures.weights:IgnoredAreNegatives", "not-exact"),
])  # fmt: skip
def test_a_mean_divides_by_what_is_not_ignored(target: str, signature: str) -> None:
    """And says so where it divides by all."""
    choice = Choice(("pytorch",), (target,), ("cpu",), ("float32",), ("eager",), ("W8",), ("weights/ignore-index",))
    (heard,) = teeth.hear(choice)

    assert heard.outcome.signature == signature
    if signature == "wrong-divisor":
        assert "divides by all, documented is numel" in heard.outcome.detail


def test_who_has_no_ignore_index_is_not_asked() -> None:
    """No framework's own function has one."""
    case = cases.named("weights/ignore-index")
    for runner in open_session(Choice(("pytorch",), (), ("cpu",), ("float32",), ("eager",))).on_logits:
        assert applicable(case, runner) != ""


def test_a_call_is_written_with_its_ignore_index() -> None:
    """As the implementation spells it."""

    def function(logits, labels, *, ignore_index=None):
        return logits if ignore_index is None else logits * (labels != ignore_index)

    spelled = Implementation(
        "f", "f", function, "", "f(x, z{more})", spelling={"ignore_index": ", ignore={i}"},
        reductions={"none": Reduction("none")},
    )  # fmt: skip
    runner = open_session(Choice(("pytorch",), ("soft_margin_loss",), ("cpu",), ("float32",), ("eager",))).runners[0]
    runner.implementation = spelled
    operands = {"logits": np.ones(2, np.float32), "labels": np.array([1, 255], np.float32)}
    call = Call(operands, ignore_index=255)

    assert spelled.offers("ignore_index")
    assert runner.run(call).tolist() == [1, 0]
    assert "f(x, z, ignore=255)" in script(runner.adapter, runner.request(call), operands, "cpu", None)


def test_the_ignored_label_is_a_whole_number(tmp_path: Path) -> None:
    """Anything else is refused by name."""
    text = (cases.named("weights/ignore-index-all").path).read_text().partition("# --- ")[0]
    path = tmp_path / "case.toml"
    assert cases.loads(text, path, tmp_path).ignore_index == 255
    with pytest.raises(cases.ContentError, match="ignore_index"):
        cases.loads(text.replace("ignore_index = 255", 'ignore_index = "255"'), path, tmp_path)


def test_without_a_gradient_the_loss_alone_is_judged() -> None:
    """An adapter that does not differentiate."""

    class Loss(Shown):
        def run_both(self, _call):
            raise NotOffered("no gradient")

    assert isinstance(examined(test_weights.zero_over_infinite, DISAGREEING, Loss(DISAGREEING, lambda v: v)), Conforms)


@pytest.mark.parametrize("wrong", [-1e-30, 1e-30])
@pytest.mark.parametrize("quantity", ["loss", "gradient"])
def test_an_ignored_element_is_exactly_zero(quantity: str, wrong: float) -> None:
    """On either side of it a number is not exact, however small."""
    case = cases.named("weights/ignore-index")

    class Ignoring(Made):
        def run_both(self, _call):
            found = {each: case.exact(each, FLOAT32).approximate() for each in ("loss", "gradient")}
            found[quantity] = np.where(found[quantity] == 0, wrong, found[quantity])
            return tuple(np.float32(each).reshape(case.shape) for each in found.values())

    verdict = examined(test_weights.ignored, case.id, Ignoring())
    assert (verdict.signature, verdict.detail.startswith(f"the {quantity}: ")) == ("not-exact", True)


def test_a_negative_number_is_not_zero_either() -> None:
    """Under a zero weight over an infinite logit."""
    assert isinstance(changed(test_weights.zero_over_infinite, AGREEING, where_zero(-1e-30)), Deviates)


@pytest.mark.parametrize("wrong", ["", "sum", "mean"])
def test_each_reduction_of_what_is_left_is_looked_at(wrong: str) -> None:
    """The sum and the mean; without derivatives, their losses."""
    case = cases.named(AGREEING)

    class Reducing(Made):
        def run_both(self, _call):
            raise NotOffered("no gradient")

        def run(self, call, quantity="loss", _wrt="logits"):
            if quantity != "loss":
                raise NotOffered("no gradient")
            exact = case.exact("loss", FLOAT32).approximate()
            exact = {"none": exact, "sum": exact.sum(), "mean": exact.mean()}[call.reduction]
            return np.float32(exact * (2 if call.reduction == wrong else 1))

    verdict = examined(test_weights.zero_over_infinite, case.id, Reducing())
    assert verdict.detail.startswith(f"the loss of the {wrong}: ") if wrong else isinstance(verdict, Conforms)

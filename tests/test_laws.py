"""Laws, from both sides of what they allow."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest

from conformance import operator
from conformance.adapter import LAYOUTS, Implementation, NotOffered, Reduction
from conformance.arithmetic.dtype import DTYPES
from conformance.golden import collection as cases
from conformance.judging import draw
from conformance.judging.batches import Batches
from conformance.judging.examination import Examination
from conformance.spec.outcome import Conforms, Deviates
from conformance.subjects import lengths
from conformance.subjects.subject import Runner, Subject, native
from conformance.suite import test_laws as suite
from tests.test_bounds import function, ulp

FLOAT32 = DTYPES["float32"]


def untouched(_quantity, values, _x, _z):
    """A result as it is."""
    return values


class Made(Runner):
    """Computes in float64, rounds to float32, and hands each result to ``touch`` before it is returned."""

    def __init__(self, touch=untouched, mode="eager", each_shape=(), labels="soft", total=math.fsum):
        adapter = SimpleNamespace(
            modes=("eager", "other"), mixed={}, layouts=LAYOUTS, compiles_each_shape=each_shape, packages=()
        )
        divisors = {"none": "", "sum": "", "mean": "numel"}
        reductions = {name: Reduction(name, divisor) for name, divisor in divisors.items()}
        implementation = Implementation("f", "f", function, labels=labels, reductions=reductions)
        super().__init__(Subject("a", "f", "1", mode, "cpu", "float32"), adapter, implementation)
        self.touch, self.total, self.calls = touch, total, 0

    def run(self, call, quantity="loss", _wrt="logits"):
        """One quantity, reduced as the call asks for."""
        x, z = (call.operands[name].astype(np.float64) for name in ("logits", "labels"))
        values = {"loss": operator.loss, "gradient": operator.gradient}[quantity](x, z)
        if quantity == "gradient":
            values = values * call.operands["cotangent"].astype(np.float64)
            values = values / (values.size if call.reduction == "mean" else 1)
        elif call.reduction != "none":
            values = np.float64(self.total(values.flat)) / (x.size if call.reduction == "mean" else 1)
        return native(self.touch(quantity, native(values, FLOAT32).astype(np.float64), x, z), FLOAT32)

    def run_both(self, call):
        """One call."""
        self.calls += 1
        return self.run(call), self.run(call, "gradient")

    def run_and_look(self, call):
        """Leaves the operands as they were."""
        return call.operands


def examined(check, name, runner, twin=None):
    """What a check says of a case."""
    case = cases.named(name)
    choice = SimpleNamespace(seed=0)
    session = SimpleNamespace(choice=choice, batches=Batches([case]), twin=lambda _: twin)
    return check(Examination(runner, case, session))


def only(quantity, change):
    """A touch of one quantity."""
    return lambda each, values, x, z: change(values.copy(), x, z) if each == quantity else values


@pytest.mark.parametrize("quantity", ["loss", "gradient"])
def test_a_mirror_image_may_be_twenty_ulp_away(quantity: str) -> None:
    """Twenty-one are too many."""

    def apart(steps):
        touch = only(quantity, lambda values, x, _: values + (x > 0) * steps * np.sign(values) * ulp(values))
        return examined(suite.symmetry, "laws/symmetry", Made(touch))

    assert apart(20) == Conforms({"elements": 1024})
    assert apart(21).signature == "lost-bits"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("quantity", ["loss", "gradient"])
def test_a_mirror_image_that_is_gone_is_a_lost_tail(quantity: str, sign: int) -> None:
    """On either side, but for subnormals, which a device may flush; the worst of the elements is shown."""

    def cut(limit, factor=0.0):
        touch = only(
            quantity, lambda values, x, _: np.where((sign * x > 0) & (abs(values) < limit), factor * values, values)
        )
        return examined(suite.symmetry, "laws/symmetry", Made(touch))

    assert isinstance(cut(2.0**-126), Conforms)
    assert cut(2.0**-10).signature == cut(2.0**-10, 0.25).signature == "lost-tail"
    assert cut(2.0**-10, 0.49).signature == "lost-tail"
    assert cut(2.0**-10, 0.5).signature == cut(2.0**-10, 0.75).signature == "lost-bits"
    found = cut(2.0**-10)
    assert found.worst.result_ulp == found.worst.scaled_ulp > 2**23
    assert found.measures["failing"] > 100


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_loss_may_fall_by_24_ulp_of_its_largest_term(label: int) -> None:
    """25 are too many, whichever way it rises."""

    def dip(steps):
        def change(values, x, z):
            if z[0] == label:
                place, before = (900, 899) if label == 0 else (100, 101)
                values[place] = values[before] - steps * ulp(abs(x))[place]
            return values

        return examined(suite.monotone, "laws/monotone", Made(only("loss", change)))

    assert dip(24) == Conforms({"elements": 1024})
    assert (dip(25).signature, dip(25).worst.scaled_ulp) == ("wrong-value", 25)
    assert dip(25).worst.logit.startswith("-" if label else "0x")


@pytest.mark.parametrize("label", [0.0, 0.5, 1.0])
def test_a_gradient_may_fall_by_24_ulp_of_its_largest_term(label: float) -> None:
    """25 are too many, for hard and soft labels."""

    def dip(steps, labels="soft"):
        def change(values, x, z):
            if z[0] == label:
                scale = operator.sigmoid(np.minimum(np.abs(x), 36))
                values[700] = values[699] - steps * ulp(scale)[700]
            return values

        return examined(suite.convex, "laws/convex", Made(only("gradient", change), labels=labels))

    assert dip(24) == Conforms({"elements": 1024})
    assert (dip(25).signature, dip(25).worst.scaled_ulp) == ("wrong-value", 25)
    assert isinstance(dip(25, "hard"), Conforms if label == 0.5 else Deviates)


@pytest.mark.parametrize(("value", "signature"), [(math.nan, "nan"), (math.inf, "overflow")])
def test_what_is_not_finite_is_neither_monotone_nor_convex(value: float, signature: str) -> None:
    """It is named for what it is, with the logit where it came."""

    def put(values, *_):
        values[3:6] = value, math.nan, math.inf
        return values

    for check, name, quantity in (
        (suite.monotone, "laws/monotone", "loss"),
        (suite.convex, "laws/convex", "gradient"),
    ):
        found = examined(check, name, Made(only(quantity, put)))
        assert found.signature == signature
        assert found.detail.startswith(f"{value} at logit -1")


@pytest.mark.parametrize("quantity", ["loss", "gradient"])
def test_a_second_evaluation_has_the_same_bits(quantity: str) -> None:
    """Three elements that differ are three; what lies between the two evaluations is another call."""
    seen = []

    def later(which, values, x, _):
        seen.append(x[0])
        values = values.copy()
        if which == quantity and len(seen) > 4:
            values[:3] = np.nextafter(np.float32(values[:3]), np.float32(9))
        return values

    found = examined(suite.repeatable, "laws/repeatable", Made(later))
    assert (found.signature, found.detail) == ("differs", f"3 elements of the {quantity} differ the second time")
    assert seen[0] == -seen[2] == seen[4]
    assert examined(suite.repeatable, "laws/repeatable", Made()) == Conforms({"elements": 1024})


@pytest.mark.parametrize("length", [2**17 + 1, 2**17, 2**17 - 1, 2**9 + 1, 17, 16, 15, 3, 2, 1])
def test_an_element_has_the_same_bits_in_every_length(length: int) -> None:
    """Around each power of two; the place of the first one that differs is told."""

    def change(values, *_):
        if values.size == length:
            values[[length // 2, -1]] += 2.0**-10
        return values

    found = examined(suite.independent_of_position, "laws/position", Made(only("gradient", change)))
    if length == 2**17 + 1:
        assert found.signature == "depends-on-position"
    else:
        assert (found.signature, found.measures) == ("depends-on-position", {"length": length, "place": length // 2})


def test_an_element_meets_other_places_and_neighbours_in_each_length() -> None:
    """At first in order; then every element is somewhere in as many places as there are, by another stride."""
    turns = [suite._owners(turn, 3 * suite.POSITION_BASE) for turn in range(51)]

    assert turns[0].tolist() == [*range(suite.POSITION_BASE)] * 3
    for owners in turns:
        for start in (0, 1, 60):
            assert {*owners[start : start + suite.POSITION_BASE]} == {*range(suite.POSITION_BASE)}
    assert len({(owners[1] - owners[0]) % suite.POSITION_BASE for owners in turns}) == len(turns)
    assert len({owners[0] for owners in turns}) == len(turns)


def test_positions_are_tried_with_a_ladder_through_zero() -> None:
    """Its labels are 1; the other elements are those that were drawn."""
    seen = []

    def look(_quantity, values, x, z):
        seen.append((x, z))
        return values

    examined(suite.independent_of_position, "laws/position", Made(look))
    x, z = (column[: suite.POSITION_BASE] for column in seen[0])
    assert np.float32(np.linspace(-8, 8, 31)).tolist() == x[:31].tolist()
    assert (z[:31] == 1).all()
    drawn = draw.drawn(cases.named("laws/position").law, FLOAT32)
    assert (x[31:].tolist(), z[31:].tolist()) == (drawn[0][31:61].tolist(), drawn[1][31:61].tolist())


@pytest.mark.parametrize("labels", ["hard", "soft"])
def test_hard_labels_are_given_to_those_who_take_no_others(labels: str) -> None:
    """The others meet soft ones."""
    seen = set()

    def look(_quantity, values, _x, z):
        seen.update(z)
        return values

    examined(suite.repeatable, "laws/repeatable", Made(look, labels=labels))
    assert (seen == {0, 1}) == (labels == "hard")


def test_modes_that_compile_each_shape_meet_a_third_of_the_lengths() -> None:
    """One around each power of two, in turn, the longest first."""
    assert examined(suite.independent_of_position, "laws/position", Made()) == Conforms({"lengths": 50})
    few = examined(suite.independent_of_position, "laws/position", Made(each_shape=("eager",)))
    assert few == Conforms({"lengths": 17})
    few, every = (lengths.around_powers(Made(each_shape=modes)) for modes in (("eager",), ()))
    assert few[:5] == [2**17 + 1, 2**16 - 1, 2**15, 2**14 + 1, 2**13 - 1]
    assert every[:4] == [2**17 + 1, 2**17 - 1, 2**17, 2**16 + 1]
    assert set(every) >= {1, 2, 3, 4, 5, 7, 8, 9}


def test_operands_are_looked_at_after_the_call() -> None:
    """A label that changed is a changed input."""

    class Changes(Made):
        def run_and_look(self, call):
            labels = call.operands["labels"].copy()
            labels[:2] += 1
            return {**call.operands, "labels": labels}

    found = examined(suite.inputs_unchanged, "laws/pure", Changes())
    assert (found.signature, found.detail) == ("changed-input", "2 elements of the labels changed")
    assert examined(suite.inputs_unchanged, "laws/pure", Made()) == Conforms({"elements": 1024})


def exact_loss(x, z):
    """To more digits than a float32 has."""
    return operator.loss(x, z), np.max([np.abs(x) * (1 - z), np.abs(x) * z, operator.loss(x, z)], axis=0)


def exact_gradient(x, z):
    """To more digits than a float32 has."""
    return operator.gradient(x, z), operator.sigmoid(np.minimum(np.abs(x), 36))


@pytest.mark.parametrize("mode", ["eager", "other"])
@pytest.mark.parametrize(("quantity", "exact"), [("loss", exact_loss), ("gradient", exact_gradient)])
def test_a_mode_may_be_12_ulp_of_the_largest_term_from_the_exact_value(quantity: str, exact, mode: str) -> None:
    """13 are too many, in every mode, the first one too; the other modes are not asked."""

    def moved(steps):
        def change(values, x, z):
            value, term = exact(x, z)
            far = value + steps * np.where(value < 0, -1, 1) * ulp(term)
            return np.where((np.arange(values.size) == 200) | (np.arange(values.size) == 300), far, values)

        return examined(suite.modes_agree, "laws/modes-agree", Made(only(quantity, change), mode))

    assert isinstance(moved(11), Conforms)
    found = moved(13)
    assert (found.measures["failing"], found.worst.index in (200, 300)) == (2, True)
    assert found.detail.startswith(f"the {quantity}: ")


@pytest.mark.parametrize("label", [0.125, 0.25, 0.375, 0.625, 0.75, 0.875])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_term_of_a_mode_hangs_on_the_label(sign: int, label: float) -> None:
    """Each label, beside a logit above a power of two whose product with it is below."""

    def moved(steps):
        def change(values, x, z):
            size = sign * x
            place = np.argmax((z == label) & ((size > 64) & (size < 73) | (size > 32) & (size < 36)))
            assert z[place] == label
            value, term = exact_loss(x[place], z[place])
            values[place] = value + steps * ulp(term)
            return values

        return examined(suite.modes_agree, "laws/modes-agree", Made(only("loss", change)))

    assert isinstance(moved(11), Conforms)
    assert moved(13).measures["failing"] == 1


@pytest.mark.parametrize("mode", ["eager", "compiled", "xla"])
def test_a_mode_that_is_right_is_not_accused(mode: str) -> None:
    """Whatever it is called, and whatever another mode gives."""
    assert isinstance(examined(suite.modes_agree, "laws/modes-agree", Made(mode=mode)), Conforms)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_mode_that_is_not_finite_is_wrong(value: float) -> None:
    """Though the others may be so too."""

    def put(values, *_):
        values[7] = value
        return values

    assert examined(suite.modes_agree, "laws/modes-agree", Made(only("loss", put))).worst.index == 7


def test_a_class_gives_the_bits_of_its_function() -> None:
    """Right or wrong; one bit in one element is a difference; without a function nothing is asked."""
    wrong = Made(only("loss", lambda values, *_: 2 * values))
    near = Made(only("gradient", lambda values, x, _: np.where(x == 3, np.nextafter(np.float32(values), 9), values)))

    assert examined(suite.same_as_function, "laws/same-as-function", Made(), Made()) == Conforms({"calls": 9})
    assert isinstance(examined(suite.same_as_function, "laws/same-as-function", wrong, wrong), Conforms)
    assert "loss differs from f's" in examined(suite.same_as_function, "laws/same-as-function", wrong, Made()).detail
    assert "gradient differs" in examined(suite.same_as_function, "laws/same-as-function", near, Made()).detail
    with pytest.raises(NotOffered, match="no other function"):
        examined(suite.same_as_function, "laws/same-as-function", Made())


@pytest.mark.parametrize("quantity", ["loss", "gradient"])
def test_nan_on_one_side_is_no_symmetry(quantity: str) -> None:
    """It is called by its name where no number shows more."""

    def put(factor):
        change = only(quantity, lambda values, x, _: np.where(x == 3, math.nan, np.where(x > 3, factor, 1) * values))
        return examined(suite.symmetry, "laws/symmetry", Made(change))

    assert (put(1).signature, put(1).worst.logit[-6:]) == ("nan", "1.8p+1")
    assert put(0).signature == "lost-tail"


def test_subnormals_that_a_mode_flushes_are_another_clauses_matter() -> None:
    """Below the normal range a zero is no distance."""
    flush = Made(only("gradient", lambda values, *_: np.where(np.abs(values) < 2.0**-126, 0, values)), "other")

    assert isinstance(examined(suite.modes_agree, "laws/modes-agree", flush), Conforms)


@pytest.mark.parametrize("same", [math.inf, math.nan])
def test_the_same_on_both_sides_is_symmetric_though_it_is_no_number(same: float) -> None:
    """The same infinity, or NaN; the opposite infinity is not."""
    change = only("loss", lambda values, x, _: np.where(np.abs(x) == 3, same, values))
    assert isinstance(examined(suite.symmetry, "laws/symmetry", Made(change)), Conforms)
    one = only("loss", lambda values, x, _: np.where(x == 3, math.inf, values))
    assert isinstance(examined(suite.symmetry, "laws/symmetry", Made(one)), Deviates)
    apart = suite._apart(np.array([math.inf, math.inf, 2.0]), np.array([math.inf, -math.inf, 2.0]))
    assert apart.tolist() == [0, math.inf, 0]


def test_only_below_the_normal_range_a_side_may_be_flushed() -> None:
    """The smallest normal number is in it."""
    larger = np.array([0.5, 1, 2]) * FLOAT32.smallest_normal
    differs = suite._differs(np.full(3, 21.0), larger, SimpleNamespace(dtype=FLOAT32), "L1")

    assert differs.tolist() == [False, True, True]
    assert not suite._differs(np.full(3, 20.0), larger, SimpleNamespace(dtype=FLOAT32), "L1").any()


def unweighted(logits, labels, *, reduction="none"):
    """A function that has no weights."""


def test_a_class_is_called_with_what_both_have() -> None:
    """Unreduced, as a sum and as a mean; with weights that differ from one element to the next."""

    class Seen(Made):
        def __init__(self, function=function):
            super().__init__()
            self.implementation = dataclasses.replace(self.implementation, function=function)
            self.seen = []

        def run_both(self, call):
            self.seen.append(call)
            return super().run_both(call)

    def calls(own, other):
        runner = Seen(own)
        examined(suite.same_as_function, "laws/same-as-function", runner, Seen(other))
        return runner.seen

    both = calls(function, function)
    assert [each.reduction for each in both] == 3 * ["none", "sum", "mean"]
    given = [[name for name in ("weight", "pos_weight") if name in each.operands] for each in both]
    assert given == [*3 * [[]], *3 * [["weight"]], *3 * [["pos_weight"]]]
    for call, names in zip(both, given, strict=True):
        for name in names:
            weights = call.operands[name]
            assert weights[:9].tolist() == [1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 1, 1.25]
            assert len(weights) == len(call.operands["logits"])
    for pair in ((unweighted, function), (function, unweighted), (unweighted, unweighted)):
        assert len(calls(*pair)) == 3

"""Chapter C's parts by themselves: what is wrong with a result, which factors that takes, and which rows there are."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from conformance.adapter import Implementation
from conformance.arithmetic.dtype import DTYPES
from conformance.configurations import array, causes
from conformance.configurations.factors import DEFAULTS, FACTORS, RULES, mended
from conformance.configurations.judgement import Finding, Kept, clause_of, has_tails, judged
from conformance.configurations.plan import Operand, Plan
from conformance.configurations.trial import Trial
from conformance.configurations.truth import truth
from conformance.remote import loader
from conformance.subjects.subject import Runner, Subject, native

NAMES = ("logits", "labels", "weight", "pos_weight")
X = [[0.5, -3.0, 0.0], [30.0, -0.25, 2.0]]
Z = [[1.0, 0.25, 0.0], [0.0, 1.0, 0.75]]
C = [[1.0, -2.0, 0.5], [3.0, -0.25, 1.5]]
V = [[0.5, 1.5, -1.0], [2.0, -0.75, 1.25]]


def planned(logits=X, labels=Z, dtype="float32", dtypes=(), cotangent=None, direction=None, **more) -> Plan:
    """A plan with these numbers; ``dtypes`` are those of operands that have another one than the logits."""
    kinds = dict(dtypes)
    given = {"logits": logits, "labels": labels, **{name: more.pop(name) for name in NAMES[2:] if name in more}}
    operands = {name: Operand(_cast(values, kinds.get(name, dtype))) for name, values in given.items()}
    shape = operands["logits"].array.shape
    form = shape if more.get("reduction", "none") == "none" else ()
    cotangent = np.ones(form) if cotangent is None else cotangent
    direction = np.ones(shape) if direction is None else direction
    vectors = (Operand(_cast(each, dtype)) for each in (cotangent, direction))
    return Plan(dict(DEFAULTS), dtype, operands, *vectors, along=more.pop("along", tuple(operands)), **more)


def _cast(values, dtype):
    values = np.array(values, np.float64)
    return native(values, DTYPES[dtype]) if dtype in DTYPES else values.astype(dtype)


# What is wrong

SOFT = {"weight": [0.5, 0.75, 2.5], "pos_weight": 1.5, "label_smoothing": 0.25}
LIMITS = {"loss": 17, "gradient logits": 17, "gradient labels": 17, "gradient weight": 17, "gradient pos_weight": 17,
          "forward": 19, "second": 25, "mixed": 25, "upstream": 17}  # fmt: skip
SAID = {"loss": "the loss", "forward": "the derivative of forward mode", "second": "the second derivative",
        "mixed": "the derivative of the gradient by the labels",
        "upstream": "the derivative of the gradient by the cotangent"}  # fmt: skip


def said(what):
    """A result in words."""
    return SAID.get(what, f"the gradient of the {what.partition(' ')[2]}")


def moved(made, what, steps=0.0, place=0, dtype="float32", precision=24):
    """What is right, one element away from zero by so many ULP of its largest term."""
    right = truth(made).right(what)
    exact = right.exact.approximate()
    size = max(right.scale[place], abs(exact[place]))
    unit = 2.0 ** (math.floor(math.log2(size)) - precision + 1)
    exact[place] += math.copysign(steps * unit, exact[place])
    form = {"gradient": made.shape, "second": made.shape, "mixed": made.shape}.get(what.split()[0], made.result_shape)
    form = made.operands[what.split()[1]].array.shape if " " in what else form
    return native(exact, DTYPES[dtype]).reshape(form)


def findings(made, what, got):
    """What is wrong."""
    return [each for each in judged(made, what, got) if isinstance(each, Finding)]


def clauses(made, what, got):
    """The clauses of what is wrong."""
    return [each.clause for each in findings(made, what, got)]


@pytest.mark.parametrize("reduction", ["none", "sum"])
@pytest.mark.parametrize("what", LIMITS)
def test_a_result_may_be_as_far_as_its_bound(what: str, reduction: str) -> None:
    """1 more for a product, and one for each number that was added; by its clause, as a share of the bound."""
    made = planned(**SOFT, reduction=reduction, direction=V, cotangent=C if reduction == "none" else 1.5)
    added = {"gradient weight": 2, "gradient pos_weight": 6}.get(what, 1)
    added = 6 if reduction == "sum" and what in ("loss", "forward", "upstream") else added
    clause = {"loss": "C1", "gradient": "C2"}.get(what.split(maxsplit=1)[0], "C3")

    assert clause_of(what) == clause
    assert clauses(made, what, moved(made, what)) == []
    (kept,) = judged(made, what, moved(made, what, LIMITS[what] + added - 0.75))
    assert kept == Kept(clause, pytest.approx(1, abs=1.5 / LIMITS[what]))
    (found,) = findings(made, what, moved(made, what, LIMITS[what] + added + 0.75))
    assert (found.clause, found.what) == (clause, what)
    assert found.detail.startswith(f"{said(what)}: ")
    assert found.signature in ("off-by-ulps", "lost-bits")
    elementwise = len(truth(made).right(what).exact) == 6
    assert found.worst.logit == ("0x1p-1" if elementwise else "")
    assert found.worst.label == ("0x1p+0" if elementwise else "")


@pytest.mark.parametrize("what", LIMITS)
def test_a_result_has_the_shape_that_was_asked_for(what: str) -> None:
    """A gradient its operand's, a loss that of its reduction."""
    for reduction in ("none", "sum"):
        made = planned(**SOFT, reduction=reduction)
        right = moved(made, what)
        for wrong in (right[None], right.reshape(-1)[:0]):
            (found,) = findings(made, what, wrong)
            assert (found.signature, found.clause, found.what) == ("wrong-shape", clause_of(what), what)
            assert found.detail == f"{said(what)} has the shape {list(wrong.shape)}, not {list(right.shape)}"


def test_a_loss_may_have_a_wider_dtype_that_another_operand_has() -> None:
    """No narrower one, none that nobody has, and no integer."""
    wider = planned(dtype="float16", dtypes={"labels": "float32"})
    narrower = planned(dtypes={"labels": "float16"})
    whole = planned(labels=np.round(Z), dtypes={"labels": "int32"})
    allowed = {wider: {"float16", "float32"}, narrower: {"float32"}, whole: {"float32"}}
    for made, names in allowed.items():
        for what in ("loss", "forward", "upstream"):
            for name in ("float16", "float32", "float64", "int32"):
                found = findings(made, what, moved(made, what).astype(name))
                told = [each.detail for each in found if each.signature == "wrong-dtype"]
                assert told == ([] if name in names else [f"{said(what)} is {name}, the logits are {made.dtype}"])
                assert all(each.clause == clause_of(what) and each.what == what for each in found)


def test_a_gradient_has_the_dtype_of_its_operand() -> None:
    """A second derivative that of the logits, by the labels theirs."""
    made = planned(dtype="float32", dtypes={"labels": "float16", "weight": "float64"}, weight=2.0)
    own = {"gradient logits": "float32", "gradient labels": "float16", "gradient weight": "float64",
           "second": "float32", "mixed": "float16"}  # fmt: skip
    for what, wanted in own.items():
        for name in ("float16", "float32", "float64"):
            found = [each.detail for each in findings(made, what, moved(made, what, dtype=name))]
            assert found == ([] if name == wanted else [f"{said(what)} is {name}, that operand is {wanted}"])


def test_a_result_is_as_good_as_the_coarser_of_its_dtype_and_that_of_the_logits() -> None:
    """A wide loss of half logits, and the half gradient of a label beside wide ones."""
    wide = planned(dtype="float16", dtypes={"labels": "float32"}, **SOFT)
    half = planned(dtypes={"labels": "float16"}, **SOFT)
    for made, what, dtype in ((wide, "loss", "float32"), (half, "gradient labels", "float16")):
        assert clauses(made, what, moved(made, what, 17, dtype=dtype, precision=11)) == []
        assert clauses(made, what, moved(made, what, 19, dtype=dtype, precision=11)) == [clause_of(what)]


def test_a_mean_may_round_the_share_of_its_cotangent() -> None:
    """To half a step of the subnormal numbers, which the weight makes larger; not by two of them."""
    count, cotangent = 1009, 0.000325
    made = planned(
        [0.0] * count, [1.0] * count, "float16", cotangent=cotangent, weight=[512.0] * count,
        reduction="mean", divisor="numel", along=("logits",),
    )  # fmt: skip
    share = np.float16(float(np.float16(cotangent)) / count)
    step = DTYPES["float16"].smallest
    assert share == 5 * step
    for steps, broken in ((3, ["C2"]), (5, []), (7, ["C2"])):
        got = np.full(count, -256 * steps * step)
        assert clauses(made, "gradient logits", np.float16(got)) == broken


def test_a_mean_of_nothing_is_not_judged() -> None:
    """A sum of nothing is, and a mean of something."""
    nothing = np.float32(np.nan)
    empty = {"logits": np.empty((0, 5)), "labels": np.empty((0, 5))}

    assert clauses(planned(**empty, reduction="mean", divisor="numel"), "loss", nothing) == []
    assert clauses(planned(**empty, reduction="sum"), "loss", nothing) == ["C1"]
    assert clauses(planned(reduction="mean", divisor="numel"), "loss", nothing) == ["C1"]


def tail(made, what, ulps, place=0):
    """The clauses that are broken if one element is off by so many of its own ULP."""
    exact = truth(made).right(what).exact.approximate()
    unit = 2.0 ** (max(math.floor(math.log2(abs(exact[place]))), -126) - 23)
    exact[place] += math.copysign(ulps * unit, exact[place])
    return clauses(made, what, np.float32(exact).reshape(made.shape))


def test_a_tail_is_judged_by_its_own_ulp() -> None:
    """Loss and gradient by the logits; not in a sum, under a smoothed label, or of another derivative."""
    made = planned([-20.0, 1.0], [0.0, 1.0])
    for what in ("loss", "gradient logits"):
        assert tail(made, what, 12.5) == []
        assert tail(made, what, 13.75) == ["C6"]
        assert has_tails(made, what)
        for other in ({"reduction": "sum"}, {"reduction": "mean"}, {"label_smoothing": 0.25}):
            assert not has_tails(planned(**other), what)
    for what in ("gradient labels", "gradient weight", "second", "forward"):
        assert not has_tails(made, what)
    got = truth(made).right("loss").exact.approximate() * (2, 1)
    (found,) = findings(made, "loss", np.float32(got))
    assert (found.clause, found.signature, found.what) == ("C6", "lost-tail", "loss")
    assert found.detail.startswith("the loss: ")
    assert found.worst.logit == "-0x1.4p+4"


@pytest.mark.parametrize(("label", "asked"), [(0.5, True), (0.1, False), (1 - 2.0**-13, False)])
def test_a_label_that_the_logits_cannot_hold_has_no_tail(label: float, asked: bool) -> None:
    """Whether it is rounded down or up."""
    made = planned([-20.0], [label], "float16", dtypes=[("labels", "float32")])
    exact = truth(made).right("loss").exact.approximate()
    got = exact + 15 * 2.0 ** (math.floor(math.log2(exact[0])) - 10)

    assert clauses(made, "loss", np.float16(got)) == (["C6"] if asked else [])


def test_what_is_no_distance_takes_no_share() -> None:
    """NaN is right or wrong."""
    made = planned([math.nan], [1.0])

    assert list(judged(made, "loss", np.float32([math.nan]))) == [Kept("C1", 0.0), Kept("C6", 0.0)]


@pytest.mark.parametrize(("label", "asked"), [(0.0, True), (1.0, True), (0.5, False), (2.0**-20, False)])
def test_a_gradient_has_a_tail_where_the_label_is_0_or_1(label: float, asked: bool) -> None:
    """Elsewhere it cancels, whoever computes it; a loss always has one."""
    x = math.log(label / (1 - label)) if 0 < label < 1 else (-20 if label == 0 else 20)
    made = planned([x + 1e-4], [label])

    assert tail(made, "gradient logits", 40) == (["C6"] if asked else [])
    near = planned([-20.0], [2.0**-20])
    assert tail(near, "loss", 15) == ["C6"]


@pytest.mark.parametrize("what", ["loss", "gradient logits"])
def test_a_tail_below_the_normal_range_is_not_asked(what: str) -> None:
    """Nor a multiple of a number that is."""
    assert tail(planned([-87.0], [0.0]), what, 20) == ["C6"]
    assert tail(planned([-88.0], [0.0]), what, 20) == []
    assert tail(planned([-88.0], [0.0], weight=[3.0]), what, 20) == []
    assert tail(planned([-87.0], [0.0], weight=[3.0]), what, 20) == ["C6"]
    assert tail(planned([-87.0, 0.0], [0.0, 0.0], weight=[1.0, 3.0]), what, 20) == []
    assert tail(planned([-86.0, 0.0], [0.0, 0.0], weight=[1.0, 0.25]), what, 20) == ["C6"]
    assert tail(planned([-87.0], [0.0], weight=[0.75]), what, 20) == ["C6"]
    assert tail(planned([-87.0, 0.0], [0.0, 0.0], pos_weight=[1.0, 3.0]), what, 20) == []
    assert tail(planned([-86.0], [0.0], weight=[2.0], pos_weight=[2.0]), what, 20) == ["C6"]
    assert tail(planned([-87.0], [0.0], weight=[1.0], pos_weight=[2.0]), what, 20) == []
    expected = ["C6"] if what == "loss" else []
    assert tail(planned([-87.0, 0.0], [0.0, 0.0], cotangent=[1.0, -3.0]), what, 20) == expected


# What it takes


def row(**changes):
    """The plain call with some other values."""
    return {**DEFAULTS, **{name.replace("_", " ") if name not in DEFAULTS else name: value
                           for name, value in changes.items()}}  # fmt: skip


def failing_if(*conditions):
    """A check that fails where all the factors of one condition have these values; it counts how often it is asked."""

    def check(each, _origin=None):
        check.asked += 1
        hits = [condition for condition in conditions if all(each[name] == value for name, value in condition.items())]
        return Finding("C1", "wrong-value", str(sorted(hits[0]))) if hits else None

    check.asked = 0
    return check


@pytest.mark.parametrize("condition", [
    {}, {"weight": "full"}, {"weight": "full", "reduction": "sum"},
    {"shape": "pixels", "logits layout": "channels_last"},
    {"weight": "full", "weight layout": "strided", "inputs": "tails"}, {"asked": "weights", "weight": "gaps"},
    {"beyond": "second", "cotangent": "varied", "smoothing": "some", "pos_weight": "full"},
])  # fmt: skip
def test_a_row_is_reduced_to_what_it_takes(condition) -> None:
    """Whatever else is not plain in it."""
    other = {"shape": "square", "labels layout": "transposed", "pos_weight": "scalar", "weight": "scalar",
             "history": "dtype", "inputs": "anywhere"}  # fmt: skip
    start = mended({**DEFAULTS, **other, **condition})
    cause = causes.reduced(start, DEFAULTS, failing_if(condition))

    assert all(start[name] == value for name, value in condition.items())
    assert dict(cause.factors) == condition
    assert cause.origin == start
    assert cause.finding.clause == "C1"
    assert cause.explains(start)
    for name, value in condition.items():
        assert not cause.explains({**start, name: "another"}), value


def test_a_factor_that_was_needed_beside_another_is_tried_again_without_it() -> None:
    """Until nothing more can be made plain."""

    def check(each):
        masked = each["inputs"] == "everyday" and each["reduction"] == "sum"
        return None if masked else Finding("C1", "wrong-value", "")

    assert causes.reduced(row(inputs="tails", reduction="sum"), DEFAULTS, check).factors == ()


def test_a_row_that_fails_no_more_has_no_cause() -> None:
    """It is not reduced."""
    check = failing_if({"weight": "full"})
    assert causes.reduced(row(weight="scalar"), DEFAULTS, check) is None
    assert check.asked == 1
    assert list(causes.causes([row(weight="scalar")], DEFAULTS, check)) == []


def test_each_row_is_explained_by_one_cause() -> None:
    """Rows that a cause explains are not tried again; each is checked with its own numbers; four are looked for."""
    seen = []

    def check(each, origin):
        seen.append(origin)
        return failing_if({"weight": "full"}, {"inputs": "tails", "reduction": "sum"})(each)

    rows = [row(weight="full", inputs="nan"), row(weight="full", reduction="sum"), row(inputs="tails", reduction="sum")]
    found = [dict(each.factors) for each in causes.causes(rows, DEFAULTS, check)]
    assert found == [{"weight": "full"}, {"inputs": "tails", "reduction": "sum"}]
    assert all(each in (rows[0], rows[2]) for each in seen)

    each_shape = [row(shape=name) for name in ("vector", "block", "square", "column", "wide")]
    found = list(causes.causes(each_shape, DEFAULTS, failing_if(*({"shape": each["shape"]} for each in each_shape))))
    assert [each.factors for each in found] == [(("shape", each["shape"]),) for each in each_shape[:4]]


def test_a_value_that_a_subject_cannot_do_without_is_no_factor() -> None:
    """The plainest call of a subject may have another shape than ours; neither of the two is told."""
    plain = row(shape="vector", reduction="mean")
    start = {**plain, "shape": "matrix", "weight": "full"}
    cause = causes.reduced(start, plain, failing_if({"weight": "full", "shape": "matrix"}, {"reduction": "never"}))

    assert dict(cause.factors) == {"weight": "full"}
    unreduced = causes.reduced({**plain, "weight": "full"}, plain, failing_if({"weight": "full"}))
    assert dict(unreduced.factors) == {"weight": "full"}


def test_a_cause_is_a_sentence() -> None:
    """Each factor in words."""
    both = {"weight": "full", "reduction": "sum"}
    cause = causes.reduced(row(**both), DEFAULTS, failing_if(both))
    assert cause.sentence("float32") == "when weight is given for each element and reduction is sum"
    plain = causes.reduced(row(weight="full"), DEFAULTS, failing_if({}))
    assert plain.sentence("float32") == "in the plainest call"


# Which rows there are

VALUES = FACTORS | {
    "shape": ("matrix", "scalar", "vector", "pixels"),
    "history": ("first", "dtype", "again", "refilled"),
}


def test_every_pair_that_can_be_together_is_in_a_row() -> None:
    """Of whatever random rows show to be possible; the plain call is the first row, no rule is broken."""
    rows = array.covering(VALUES, 2, 7)
    chooser = random.Random(5)
    possible = set()
    for _ in range(4000):
        each = mended({name: chooser.choice(values) for name, values in VALUES.items()})
        possible.update(itertools.combinations(sorted(each.items()), 2))
    found = {pair for each in rows for pair in itertools.combinations(sorted(each.items()), 2)}

    assert rows[0] == DEFAULTS
    assert possible <= found
    assert not [rule for rule in RULES for each in rows if rule.broken(each)]
    assert all(each[name] in VALUES[name] for each in rows for name in VALUES)
    assert len({tuple(each.values()) for each in rows}) == len(rows) < 250


def test_another_seed_makes_other_rows_and_the_same_one_the_same() -> None:
    """Without a choice there is one row."""
    one, again, other = (array._covering.__wrapped__(tuple(VALUES.items()), 2, seed) for seed in (1, 1, 2))
    assert one == again
    assert one[0] == other[0]
    assert set(map(repr, one[1:])) != set(map(repr, other[1:]))
    assert array.covering({name: values[:1] for name, values in FACTORS.items()}, 2) == (DEFAULTS,)


def test_what_cannot_be_together_is_made_plain() -> None:
    """Nothing else is, and a row without a conflict stays as it is."""
    assert mended(row(weight="full", shape="vector")) == row(weight="full", shape="vector")
    assert mended({**DEFAULTS, "logits layout": "channels_last"}) == DEFAULTS
    assert mended({**DEFAULTS, "weight dtype": "other"}) == DEFAULTS
    chain = {**DEFAULTS, "shape": "scalar", "weight": "classes", "weight layout": "strided", "asked": "weights"}
    assert mended(chain) == {**DEFAULTS, "shape": "scalar"}
    chooser = random.Random(3)
    for _ in range(500):
        each = mended({name: chooser.choice(values) for name, values in FACTORS.items()})
        assert mended(each) == each
        assert not any(rule.broken(each) for rule in RULES)


# A row, once more


def test_an_error_that_comes_the_second_time_is_found() -> None:
    """A row that conforms once has to conform again."""
    adapter = loader.load(*loader.locate("numpy"))
    exact = next(each for each in adapter.implementations() if each.name == "exact")
    plain = {**DEFAULTS, "asked": "nothing"}

    def raising(when):
        calls = itertools.count(1)

        def function(logits, labels, *, reduction="none"):
            if next(calls) == when:
                raise IndexError("the cache is full")
            return exact.function(logits, labels, reduction=reduction)

        subject = Subject("numpy", "made", "", "eager", "cpu", "float32")
        return Runner(subject, adapter, Implementation("made", "", function, reductions=exact.reductions))

    for when, clause in ((1, "C1"), (2, "C5"), (3, "")):
        trial = Trial(raising(when))
        trial.able = ()  # nothing is differentiated: no other call is made
        found = trial.put(plain, plain)
        assert [each.clause for each in found.findings] == ([clause] if clause else [])
        assert all("IndexError" in each.detail and each.signature == "error" for each in found.findings)
        assert ("C5" in found.looked_at) == (when > 1)

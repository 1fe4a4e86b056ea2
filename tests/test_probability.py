"""The operator on probabilities: proofs, documented clamps, its cases, and who is put to them."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest

from conformance.adapter import Clamp, Implementation, NotOffered
from conformance.arithmetic.ball import NotProven
from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import Exact, real
from conformance.arithmetic.probability import Element, Reading, largest_term, prove
from conformance.arithmetic.ulp import Kind, measure
from conformance.errors import ContentError, UsageError
from conformance.golden import prove as proving
from conformance.golden.collection import load, load_all, named
from conformance.golden.prove import probability_element
from conformance.judging.choice import Choice
from conformance.judging.clamped import nearest, promise, readings
from conformance.judging.opening import open_session, open_subject
from conformance.spec.outcome import Conforms, Deviates
from conformance.suite import test_probabilities
from conformance.worker.candidate import brought
from tests.command import conformance
from tests.test_cases import written
from tests.test_checks import Shown
from tests.test_laws import examined

ONE_TEN_MILLIONTH = Clamp("probability", "1e-7")
MINUS_ONE_HUNDRED = Clamp("logarithm", "-100")
GOOD = """\
idea = "A plain statement of the behaviour"
source = "SPEC.md P1"
clauses = ["P1"]
flags = ["ordinary"]

[input]
probabilities = ["0.25", "1"]
labels = ["1"]
"""


def element(p: str, z: str) -> Element:
    """From decimals."""
    return Element(Fraction(p), Fraction(z))


@pytest.mark.parametrize("p", ["5e-324", "1e-20", "0.1", "0.3", "0.75", "0.99999999999999999999"])
@pytest.mark.parametrize("z", ["0", "0.3", "1"])
def test_mpmath_agrees_to_a_hundred_bits(p: str, z: str) -> None:
    """The formulas written once more, as two terms, in another library."""
    given = Element(Fraction(p), Fraction(z), Fraction("1.5"), Fraction(-3))
    proven = prove(given)
    with mpmath.workprec(3000):
        x, label = (mpmath.mpf(each.numerator) / each.denominator for each in (given.probability, given.label))
        expected = {
            "loss": -1.5 * (label * mpmath.log(x) + (1 - label) * mpmath.log(1 - x)),
            "gradient": -4.5 * ((1 - label) / (1 - x) - label / x),
        }
        for quantity, value in expected.items():
            stored = Fraction(real(proven[quantity]))
            error = abs(mpmath.mpf(stored.numerator) / stored.denominator - value)
            assert error <= abs(value) * mpmath.mpf(2) ** -100, quantity


@pytest.mark.parametrize(
    ("p", "z", "loss", "gradient"),
    [("0", "0", "0x0p+0", "0x1p+0"), ("1", "1", "0x0p+0", "-0x1p+0"), ("0", "1", "inf", "-inf"),
     ("1", "0", "inf", "inf"), ("0", "0.25", "inf", "-inf"), ("1", "0.25", "inf", "inf")],
)  # fmt: skip
def test_the_ends_have_their_limits(p: str, z: str, loss: str, gradient: str) -> None:
    """0 log 0 is 0, and so is the slope of a term with coefficient 0."""
    assert prove(element(p, z)) == {"loss": loss, "gradient": gradient}


def test_a_label_that_is_met_has_a_gradient_of_exactly_zero() -> None:
    """Two balls of order 1 would never decide it."""
    assert prove(element("0.3", "0.3"))["gradient"] == "0x0p+0"


@pytest.mark.parametrize(
    ("p", "z", "loss", "gradient", "held"),
    [("0", "1", 100, 0, True), ("0", "0.25", 25, 0.75, True), ("1", "0.25", 75, -0.25, True), ("0", "0", 0, 1, True),
     ("1e-50", "1", 100, 0, True), ("0.5", "1", math.log(2), -2, False)],
)  # fmt: skip
def test_a_floor_of_the_logarithm(p: str, z: str, loss: float, gradient: float, held: bool) -> None:
    """What it holds fast has no slope; what it leaves alone has its own."""
    (reading,) = readings(MINUS_ONE_HUNDRED, DTYPES["float32"])
    proven = prove(element(p, z), reading)

    assert reading.holds(Fraction(p)) is held
    assert float(real(proven["loss"])) == pytest.approx(loss, rel=1e-15)
    assert float(real(proven["gradient"])) == gradient


def test_a_clip_is_read_as_documented_and_as_the_dtype_has_it() -> None:
    """In float16 the upper end of the second reading is 1: nothing is clipped there."""
    documented, half = readings(ONE_TEN_MILLIONTH, DTYPES["float16"])
    one = element("1", "0")

    assert documented == Reading(Fraction("1e-7"), 1 - Fraction("1e-7"))
    assert half == Reading(Fraction(2) ** -23, Fraction(1))
    assert float(real(prove(one, documented)["loss"])) == pytest.approx(-math.log(1e-7))
    assert prove(one, half)["loss"] == "inf"
    assert [reading.holds(Fraction(1)) for reading in (documented, half)] == [True, False]
    assert prove(element("1e-9", "1"), documented)["gradient"] == "0x0p+0"


def test_an_end_that_the_dtype_has_is_read_in_one_way() -> None:
    """1/4 and 3/4 are numbers of every dtype."""
    assert len(readings(Clamp("probability", "0.0078125"), DTYPES["bfloat16"])) == 1


def test_without_a_clamp_the_promise_is_the_golden() -> None:
    """And nothing is clamped."""
    case = named("probabilities/certain-and-wrong")
    plain, clipped = (promise(case, DTYPES["float32"], clamp) for clamp in (None, ONE_TEN_MILLIONTH))

    assert np.isinf(plain.readings[0]["loss"].hi).all()
    assert not plain.clamped.any()
    assert np.isfinite(clipped.readings[0]["loss"].hi).all()
    assert clipped.clamped.all()


def test_the_nearest_reading_counts_for_each_element_by_itself() -> None:
    """A result is right if it is right by one of them."""
    got = np.array([1.0, 2.0, np.inf, np.nan])
    ways = ([1, 1, 1, 1], [2, 2, math.inf, 2])
    float32, scale = DTYPES["float32"], np.ones(4)
    best = nearest([measure(got, Exact.of(map(_real, way)), scale, float32) for way in ways])

    assert best.kind.tolist() == [Kind.DISTANCE, Kind.DISTANCE, Kind.SAME, Kind.NAN]
    assert best.scaled_ulp.tolist() == [0, 0, 0, math.inf]
    assert best.exact.approximate().tolist()[:3] == [1, 2, math.inf]


def _real(value: float) -> Fraction | float:
    return value if math.isinf(value) else Fraction(value)


def test_the_largest_term_has_no_nan_in_it() -> None:
    """A coefficient of zero leaves nothing of an infinite term; 1 - p is as large as 1."""
    p, z, one = np.array([0, 0, 1, 1, 0.5, 1e-3]), np.array([0, 1, 1, 0, 1, 0]), np.ones(6)

    assert largest_term("loss", p, z, one, one).tolist() == [1, np.inf, 1, np.inf, 1, 1]
    assert largest_term("gradient", p, z, one, 2 * one).tolist() == [2, np.inf, 2, np.inf, 4, 2 / 0.999]


def test_infinite_weights_are_refused() -> None:
    """They have no golden value."""
    with pytest.raises(NotProven, match="infinite weights"):
        probability_element((0.5, 1.0, math.inf, 1.0, 1.0))


def test_proving_adds_loss_and_gradient(tmp_path: Path) -> None:
    """Twice the same, and no column of the operator on logits."""
    path = written(tmp_path, GOOD, "probabilities")

    assert proving.write(path, tmp_path)
    assert not proving.write(path, tmp_path)
    assert 'columns = ["probabilities", "labels", "loss", "gradient"]' in path.read_text()
    case = load(path, tmp_path)
    assert (case.argument, case.shape, case.bare, case.elementwise) == ("probabilities", (2,), True, True)
    assert case.exact("gradient", DTYPES["float32"]).approximate().tolist() == [-4, -1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"0.25"', '"1.5"', "input.probabilities: '1.5' is no probability; write numbers in [0, 1]"),
        ('"0.25"', '"nan"', "'nan' is no probability"),
        ('labels = ["1"]', 'labels = ["2"]', "input.labels: '2' is no probability"),
        ("[input]", '[input]\nlogits = ["1"]', "beside probabilities only labels, weight and cotangent"),
        ("[input]", '[input]\npos_weight = "2"', "beside probabilities only labels, weight and cotangent"),
        ('labels = ["1"]', "", "'labels' is a dependency of 'probabilities'"),
        ('probabilities = ["0.25", "1"]\n', "", "is not valid under any of the given schemas"),
        ('"0.25"', "0.25", "0.25 is not a string"),
    ],
)
def test_a_malformed_case_is_answered_with_file_and_entry(tmp_path: Path, old: str, new: str, message: str) -> None:
    """One line that says which file, which entry, what is wrong."""
    path = written(tmp_path, GOOD.replace(old, new), "probabilities")

    with pytest.raises(ContentError) as caught:
        load(path, tmp_path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_golden_of_the_other_operator_is_stale(tmp_path: Path) -> None:
    """Columns of logits under probabilities are refused."""
    path = written(tmp_path, GOOD, "probabilities")
    proving.write(path, tmp_path)
    path.write_text(path.read_text().replace('columns = ["probabilities"', 'columns = ["logits"'))

    with pytest.raises(ContentError, match=r"golden\.float64\.columns: they are"):
        load(path, tmp_path, sealed=False)


def test_cases_and_implementations_are_paired_by_what_they_take() -> None:
    """No case of logits meets a function of probabilities, nor a law, nor the other way round."""
    session = open_session(Choice(adapters=("numpy",), dtypes=("float32",)))
    pairs = {runner: list(session.cases_of(runner)) for runner in session.runners}

    assert {runner.takes for runner in pairs} == {"logits", "probabilities"}
    for runner, cases in pairs.items():
        assert cases
        assert {case.argument for case in cases} == {runner.takes}
        assert any(case.law for case in cases) == (runner.takes == "logits")
    assert "probabilities" not in {runner.takes for runner in session.on_logits}
    assert {case.id for cases in pairs.values() for case in cases} == {
        case.id for case in load_all() if "float32" in case.dtypes and case.id != "laws/ambient"
    }


def test_curves_and_workloads_are_made_of_logits(tmp_path: Path) -> None:
    """An implementation that takes probabilities is judged by chapter P, and by nothing else."""
    command = ("run", "--adapter", "numpy", "--implementation", "xlogy composition", "--dtype", "float32")
    result = conformance(*command, "--out", str(tmp_path / "out"), "--", "-q", cwd=tmp_path)
    records = (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8")

    assert result.returncode == 0, result.stdout
    assert '"record":"curve"' not in records.replace(" ", "")
    assert '"clause":"P1"' in records.replace(" ", "")
    assert '"clause":"V2"' not in records.replace(" ", "")


def test_a_verb_about_logits_says_so() -> None:
    """A sweep is one of logits."""
    with pytest.raises(UsageError, match="'xlogy composition' takes probabilities; choose one that takes logits"):
        open_subject(Choice(adapters=("numpy",), implementations=("xlogy composition",), dtypes=("float32",)))


def test_an_implementation_that_is_brought_along_says_what_it_takes(tmp_path: Path) -> None:
    """By attributes of the function; what is none of the two is refused."""
    path = tmp_path / "own.py"
    path.write_text(
        "from conformance.adapter import Clamp\n"
        "def right(p, z): return p\n"
        'right.takes, right.clamp = "probabilities", Clamp("logarithm", "-100")\n'
        "def wrong(p, z): return p\n"
        'wrong.takes = "odds"\n'
    )
    right = brought(f"{path}:right")

    assert (right.takes, right.clamp) == ("probabilities", MINUS_ONE_HUNDRED)
    with pytest.raises(UsageError, match="it takes 'odds'"):
        brought(f"{path}:wrong")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Clamp("odds", "1"),
        lambda: Clamp("logarithm", "low"),
        lambda: Implementation("f", "f", abs, takes="odds"),
    ],
)
def test_what_is_declared_is_one_of_the_known(make) -> None:
    """A misspelling in an adapter must not judge by nothing."""
    with pytest.raises(ValueError, match=r"known:|could not convert"):
        make()


ENDS, CLIPPED = "probabilities/certain-beside-ordinary", "probabilities/around-one-ten-millionth"
SLOPES = {"P3": test_probabilities.slope, "P6": test_probabilities.slope_in_full}


def said(check, name, change=lambda values: values, clamp=None):
    """What a check says of a case whose results were changed, of a function with a clamp."""
    runner = Shown(name, lambda values: values)
    runner.implementation = dataclasses.replace(runner.implementation, clamp=clamp)
    promised = promise(named(name), DTYPES["float32"], clamp).readings[0]
    runner.values = lambda quantity: np.float32(change(promised[quantity].approximate().copy()))
    return examined(check, name, runner)


def wrong_at(*places):
    """Doubled, and away from zero, at some places."""

    def change(values):
        values[list(places)] = 2 * values[list(places)] + 0.5
        return values

    return change


@pytest.mark.parametrize("check", SLOPES.values(), ids=SLOPES)
def test_a_slope_is_asked_inside_where_nothing_is_clamped(check) -> None:
    """Neither at an end, nor where documentation clamps."""
    assert isinstance(said(check, ENDS), Conforms)
    assert isinstance(said(check, ENDS, wrong_at(0, 2, 4)), Conforms)
    for place in (1, 3, 5):
        assert isinstance(said(check, ENDS, wrong_at(place)), Deviates)
    # 1e-8 and 9e-8 are clamped to 1e-7, the others are not.
    assert isinstance(said(check, CLIPPED, wrong_at(0, 1, 4), ONE_TEN_MILLIONTH), Conforms)
    for place in (2, 3, 5, 6):
        assert isinstance(said(check, CLIPPED, wrong_at(place), ONE_TEN_MILLIONTH), Deviates)


def test_a_slope_of_certainty_is_asked_at_the_ends_where_nothing_is_clamped() -> None:
    """Not between them."""
    check = test_probabilities.slope_of_certainty

    assert isinstance(said(check, ENDS, wrong_at(1, 3, 5)), Conforms)
    for place in (0, 2):
        assert isinstance(said(check, ENDS, wrong_at(place)), Deviates)
    for clamp in (ONE_TEN_MILLIONTH, MINUS_ONE_HUNDRED):
        with pytest.raises(NotOffered, match="clamps all of these"):
            said(check, ENDS, wrong_at(0, 2), clamp)


@pytest.mark.parametrize(("check", "inside"), [
    (test_probabilities.scaled_accuracy, True), (test_probabilities.result_accuracy, True),
    (test_probabilities.loss_of_certainty, False),
])  # fmt: skip
def test_a_loss_is_asked_inside_or_at_the_ends(check, inside: bool) -> None:
    """Clamped or not: what documentation promises is asked there too."""
    assert isinstance(said(check, ENDS, wrong_at(0, 2) if inside else wrong_at(1, 3, 5)), Conforms)
    for place in (1, 3, 5) if inside else (0, 2):
        assert isinstance(said(check, ENDS, wrong_at(place)), Deviates)
        assert isinstance(said(check, ENDS, wrong_at(place), ONE_TEN_MILLIONTH), Deviates)


def test_a_slope_is_never_nan_and_infinite_only_where_it_was_promised() -> None:
    """However far off a number is."""
    check = test_probabilities.finite

    assert isinstance(said(check, ENDS), Conforms)
    assert isinstance(said(check, ENDS, wrong_at(*range(6))), Conforms)
    for value, signature in ((math.nan, "nan"), (math.inf, "overflow")):
        for place in range(4):
            found = said(check, ENDS, lambda values, at=place, to=value: np.where(np.arange(6) == at, to, values))
            assert found.signature == signature


def test_inside_is_neither_zero_nor_one() -> None:
    """Their neighbours are."""
    p = np.array([0, 5e-324, 0.5, 1 - 2.0**-53, 1])
    inside = test_probabilities._inside(SimpleNamespace(elements=lambda: (p, p)))

    assert inside.tolist() == [False, True, True, True, False]

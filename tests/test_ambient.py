"""Ambient switches: which changes are silent, which are announced; and the processes that read them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from conformance.adapter import NotOffered, Switch
from conformance.arithmetic.dtype import DTYPES
from conformance.golden import collection as cases
from conformance.judging import reading
from conformance.judging.ambient import Readings, effect
from conformance.judging.choice import Choice
from conformance.judging.examination import Examination
from conformance.judging.opening import open_session
from conformance.spec.bounds import AGREEMENT, FLUSHED_BELOW, mean_agreement
from conformance.spec.outcome import Conforms, Deviates
from conformance.suite import test_laws
from tests import teeth

FLOAT32 = DTYPES["float32"]
TINY = FLOAT32.smallest_normal
PLAIN = Switch()
FLUSHES = Switch(may="subnormals", sentence="Disables denormal floating numbers.")
ROUNDS = Switch(may="rounding", sentence="Not guaranteed to be bitwise identical.")


def unreduced(**changes: float) -> dict[str, np.ndarray]:
    """A reading: the loss of every element is 1 but for those that are told by their place."""
    values = np.ones(reading.ELEMENTS, np.float32)
    for place, value in changes.items():
        values[int(place[1:])] = value
    return {"loss, none": values}


def effected(before: float, after: float, switch: Switch = PLAIN) -> tuple[str, bool]:
    """What is said of one loss, that of logit 0, and whether it was silent."""
    place = f"_{np.abs(reading.elements(FLOAT32)[0]).argmin()}"
    word, silent = effect(unreduced(**{place: before}), unreduced(**{place: after}), switch, FLOAT32)
    return word, bool(silent)


def test_a_switch_may_change_no_bit() -> None:
    """Not the last one, not the sign of a zero; a NaN is a NaN."""
    assert effected(1, 1) == ("same bits", False)
    assert effected(1, np.nextafter(np.float32(1), np.float32(2))) == ("another result", True)
    assert effected(0.0, -0.0) == ("another result", True)
    assert effected(np.nan, -np.nan) == ("same bits", False)
    assert effected(1, np.nan) == ("another result", True)


def test_only_what_lies_below_twice_the_smallest_normal_number_is_flushed() -> None:
    """To zero, and where documentation says so."""
    assert effected(TINY / 2, 0) == ("another result", True)
    assert effected(TINY / 2, 0, FLUSHES) == ("subnormals", False)
    last = np.nextafter(np.float32(FLUSHED_BELOW * TINY), np.float32(0))
    assert effected(last, 0, FLUSHES) == ("subnormals", False)
    assert effected(FLUSHED_BELOW * TINY, 0, FLUSHES) == ("another result", True)
    assert effected(TINY / 2, TINY / 4, FLUSHES) == ("another result", True)


def test_rounding_is_two_evaluations_within_their_bounds() -> None:
    """Of an element, and of a mean; NaN is none."""
    eps = 2.0**-23
    assert effected(1, 1 + AGREEMENT.ulps * eps, ROUNDS) == ("rounding", False)
    assert effected(1, 1 + (AGREEMENT.ulps + 1) * eps, ROUNDS) == ("another result", True)
    assert effected(1, np.nan, ROUNDS) == ("another result", True)
    largest = mean_agreement(reading.ELEMENTS, 24).ulps
    for ulps, silent in ((largest, False), (largest + 1, True)):
        one, other = ({"loss, mean": np.float32(each)} for each in (32, 32 + ulps * 32 * eps))
        assert bool(effect(one, other, ROUNDS, FLOAT32)[1]) == silent
    assert effect({"gradient, mean": np.float32([1e-5])}, {"gradient, mean": np.float32([1.1e-5])}, ROUNDS, FLOAT32)[1]


def test_another_dtype_is_another_result_and_an_error_is_no_silent_one() -> None:
    """It is told."""
    plain = unreduced()
    wide = {"loss, none": plain["loss, none"].astype(np.float64)}

    assert effect(plain, wide, ROUNDS, FLOAT32)[1] == "the loss, none is float64 (40961,), not float32 (40961,)"
    assert effect(plain, {"loss, none": "ValueError: no"}, Switch(), FLOAT32) == ("raises ValueError: no", "")
    assert effect({"loss, none": "ValueError"}, {"loss, none": "ValueError"}, Switch(), FLOAT32) == ("same bits", "")


def test_a_switch_says_what_it_may_change_and_who_says_so() -> None:
    """Unknown kinds, and claims without a sentence, are refused."""
    with pytest.raises(ValueError, match="may not change 'everything'"):
        Switch(may="everything")
    with pytest.raises(ValueError, match="needs the sentence"):
        Switch(may="rounding")


def heard(adapter, readings, mode="eager"):
    """What the law says of a subject whose readings are given."""
    runner = SimpleNamespace(adapter=adapter, subject=SimpleNamespace(mode=mode), dtype=FLOAT32)
    session = SimpleNamespace(readings=SimpleNamespace(of=lambda _runner, switch, _dtypes: readings[switch]))
    return test_laws.ambient_switches(Examination(runner, cases.named("laws/ambient"), session))


def test_every_switch_that_changes_something_silently_is_named() -> None:
    """In the first mode; without a switch nothing is said."""
    switches = {"good": Switch(), "bad": Switch(), "worse": Switch()}
    adapter = SimpleNamespace(ambient=lambda: switches, modes=("eager", "graph", "autocast"))
    readings = {"": unreduced(), "good": unreduced(), "bad": unreduced(_5=2), "worse": unreduced(_7=0.5)}

    assert heard(adapter, dict.fromkeys(readings, unreduced())) == Conforms(dict.fromkeys(switches, "same bits"))
    found = heard(adapter, readings)
    assert isinstance(found, Deviates)
    told = "the loss, none has 1 other results, such as"
    assert found.detail == f"bad: {told} 2 for 1; worse: {told} 0.5 for 1"
    for mode in ("graph", "autocast"):
        with pytest.raises(NotOffered, match="first mode"):
            heard(adapter, readings, mode)
    with pytest.raises(NotOffered, match="no ambient switch"):
        heard(SimpleNamespace(ambient=dict, modes=("eager",)), readings)


def test_it_is_heard_when_it_is_asked_for() -> None:
    """By --thorough, or by its own name; a glob that happens to match it is too cheap."""
    choice = {"adapters": ("numpy",), "implementations": ("exact",), "dtypes": ("float32",)}

    def hears(**more) -> bool:
        session = open_session(Choice(**choice, **more))
        return any(each.id == "laws/ambient" for each in session.cases_of(session.runners[0]))

    assert not hears()
    assert not hears(clauses=("L*",))
    assert not hears(cases=("laws/*",))
    assert hears(thorough=True)
    assert hears(clauses=("L9",))
    assert hears(cases=("laws/ambient",))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_no_logit_is_subnormal_and_some_losses_are(dtype: str) -> None:
    """Results may be flushed, inputs must not be."""
    x, z = reading.elements(DTYPES[dtype])
    losses = np.log1p(np.exp(-np.abs(x)))

    assert set(z) == {0.0, 1.0}
    assert not ((x != 0) & (np.abs(x) < DTYPES[dtype].smallest_normal)).any()
    assert ((losses > 0) & (losses < DTYPES[dtype].smallest_normal)).any()


@pytest.mark.filterwarnings("ignore:.* encountered in :RuntimeWarning")
def test_a_reading_is_what_the_subject_returns() -> None:
    """In a process of its own: every call, to the bit, errors by their text."""
    session = open_session(Choice(("numpy",), ("exact", "textbook formula"), ("cpu",), ("float32", "bfloat16")))
    found = {each.subject.id: session.readings.of(each, "", ("float32", "bfloat16")) for each in session.runners}
    raising = session.readings.of(session.runners[-1], "seterr(all=raise)", ("float32", "bfloat16"))

    calls = {f"{quantity}, {reduction}" for quantity in ("loss", "gradient") for reduction in ("none", "mean")}
    for runner in session.runners:
        own = reading._made(runner)
        assert own.keys() == found[runner.subject.id].keys() == calls
        for call, values in own.items():
            assert values.dtype == found[runner.subject.id][call].dtype
            assert values.tobytes() == found[runner.subject.id][call].tobytes()
    assert "FloatingPointError" in raising["loss, none"]


def test_where_a_process_dies_each_subject_has_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody is charged with another's crash."""
    session = open_session(Choice(("numpy",), ("exact", "textbook formula"), ("cpu",), ("float32",)))
    asked = []

    def read(_folder, runners, _switch):
        names = [each.implementation.name for each in runners]
        asked.append(names)
        if "textbook formula" in names:
            raise RuntimeError("the process ended with -11")
        return {each.subject.id: {} for each in runners}

    monkeypatch.setattr(reading, "read", read)
    readings = Readings(session.folders, session.runners)
    exact, textbook = session.runners
    assert readings.of(exact, "", ("float32",)) == {}
    with pytest.raises(RuntimeError, match="-11"):
        readings.of(textbook, "", ("float32",))
    assert asked == [["exact", "textbook formula"], ["exact"], ["textbook formula"]]


def test_a_process_that_does_not_end_well_says_why() -> None:
    """What it says last."""
    (runner,) = open_session(Choice(("numpy",), ("exact",), ("cpu",), ("float32",))).runners
    with pytest.raises(RuntimeError, match=r"no switch: nowhere/adapter.py: it does not run"):
        reading.read(cases.Path("nowhere"), [runner], "")


@pytest.mark.parametrize("framework", ["pytorch", "jax", "tensorflow"])
def test_right_implementations_follow_no_switch(pytestconfig: pytest.Config, framework: str) -> None:
    """A minute for each of the others: `--exhaustive`."""
    if framework != "pytorch" and not pytestconfig.getoption("exhaustive"):
        pytest.skip("--exhaustive")
    targets = tuple(f"tests.exemplars.in_{framework}:{name}" for name in ("correct", "within_two_ulps"))
    found = list(teeth.hear(Choice((framework,), targets, ("cpu",), ("float32", "bfloat16"), ("eager",), ("L9",))))

    assert [each for each in found if each.failed] == []
    assert len(found) == 4
    assert all(isinstance(each.outcome, Conforms) for each in found)

"""Whom a page speaks of: public functions, each once; and what it says of them, no more than the records show."""

from __future__ import annotations

import pytest

from conformance.report import where
from conformance.report.causes import causes, of_functions
from conformance.report.magnitude import worst
from conformance.report.merge import Merged
from conformance.report.overview import overview
from conformance.report.standing import standing
from conformance.report.states import state

ROLES = {
    ("a", "f"): {"role": "function"},
    ("a", "class of f"): {"role": "function", "same_as": "f"},
    ("a", "formula"): {"role": "composition"},
    ("a", "textbook"): {"role": "control"},
}


def check(name="f", clause="V2", level="must", outcome="deviates", **more):
    """A record of one check."""
    place = {key: more.pop(key, value) for key, value in (("mode", "eager"), ("dtype", "float32"))}
    subject = {"adapter": "a", "implementation": name, "version": "1", "device": "cpu", **place}
    signature = "" if outcome == "conforms" else "wrong-value"
    base = {"record": "check", "subject": subject, "clause": clause, "level": level, "case": "values/one"}
    return {**base, "outcome": outcome, "signature": signature, "expected": True, **more}


def merged(*checks, **entries):
    """Merged runs with these checks, and these entries in the ledger."""
    run = {"adapters": {}, "deviations": {"a": entries}}
    return Merged([run], list(checks), implementations=ROLES)


def element(got, exact, ulp=1e6, logit="0x1p+1"):
    """A worst element."""
    return {
        "index": 0,
        "logit": logit,
        "label": "0x0p+0",
        "got": got,
        "exact": exact,
        "result_ulp": ulp,
        "scaled_ulp": 1,
    }


def test_totals_speak_of_functions_and_of_each_once() -> None:
    """Compositions and controls stand apart, a class that gave the same in every check beside nothing."""
    found = merged(check(), check("class of f"), check("formula"), check("textbook"))
    who = standing(found)

    assert [each["subject"]["implementation"] for each in who.counted(found.checks)] == ["f"]
    assert who.twin(("a", "class of f")) == "f"
    (framework,) = overview(found.checks[:2], who)
    assert framework.counts["must", "known"] == 1
    assert [row.same_as for row in framework.rows] == ["", "f"]


def test_a_class_that_differs_from_its_function_counts_and_is_shown() -> None:
    """In one check of one."""
    found = merged(check(), check("class of f", outcome="conforms"))
    who = standing(found)

    assert who.twin(("a", "class of f")) == ""
    assert len(list(who.counted(found.checks))) == 2
    (framework,) = overview(found.checks, who)
    assert [row.differing for row in framework.rows] == [0, 1]


def test_two_that_name_each_other_both_count() -> None:
    """And so does one whose function is not here."""
    roles = {("a", "f"): {"same_as": "g"}, ("a", "g"): {"same_as": "f"}, ("a", "h"): {"same_as": "elsewhere"}}
    found = Merged([], [check("f"), check("g"), check("h")], implementations=roles)

    assert len(list(standing(found).counted(found.checks))) == 3


def test_what_is_documented_counts_at_no_level() -> None:
    """It has a state of its own."""
    said = check(documented=True)
    (framework,) = overview([said, check(clause="V3", level="should")], None)

    assert state(said) == "documented"
    assert framework.counts == {("must", "documented"): 1, ("should", "known"): 1}
    assert framework.rows[0].deviating == {"should": {"V3"}}
    assert framework.rows[0].tiles["V"]["float32"].kind == "should"
    assert overview([said], None)[0].rows[0].tiles["V"]["float32"].kind == "documented"
    assert state({**said, "expected": False}) == "unexpected"


def test_the_worst_leads_whatever_its_framework_is_called() -> None:
    """By severity, a person's rank, level and number; what is documented comes last, and functions before the rest."""
    entries = {
        "ranked": {"severity": "silent-large", "reason": "r", "rank": "1"},
        "small": {"severity": "silent-small", "reason": "r"},
        "large": {"severity": "silent-large", "reason": "r"},
        "said": {"severity": "silent-large", "reason": "r", "documented": "we say so"},
        "apart": {"severity": "silent-large", "reason": "r"},
    }
    found = causes(
        merged(
            check(deviation="small"),
            check(clause="V4", level="should", deviation="ranked"),
            check(clause="V3", level="should", deviation="large"),
            check(clause="S8", deviation="said", documented=True),
            check("textbook", clause="V1", deviation="apart"),
            **entries,
        )
    )

    assert [each["id"] for each in found] == ["ranked", "large", "small", "said", "apart"]
    assert [each["id"] for each in of_functions(found)] == ["ranked", "large", "small"]


def test_a_cause_has_a_row_for_each_level_and_for_what_is_documented() -> None:
    """Each with its own places and its own worst element."""
    (cause,) = causes(
        merged(
            check(deviation="d", worst=element("0x0p+0", "0x1p-20"), dtype="float64"),
            check(clause="G2", level="should", deviation="d", worst=element("nan", "0x1p+0")),
            check(clause="V1", deviation="d", documented=True, dtype="float16"),
        )
    )

    assert [(row["level"], row["documented"], row["where"]) for row in cause["rows"]] == [
        ("must", False, "f (eager; float64)"),
        ("should", False, "f (eager; float32)"),
        ("must", True, "f (eager; float16)"),
    ]
    assert cause["rows"][0]["magnitude"] == "0 for 9.53674316e-07 at logit 2, label 0 (float64): 100 %, 1.0e6 ULP"
    assert cause["rows"][1]["magnitude"] == "nan for 1 at logit 2, label 0 (float32)"


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ([("f", "eager", "float32")], "f (eager; float32)"),
        ([("f", "eager", "float16"), ("f", "eager", "float64"), ("g", "eager", "float64"), ("g", "eager", "float16")],
         "f, g (eager; float64, float16)"),
        ([("f", "eager", each) for each in ("float64", "float32", "float16", "bfloat16")], "f (eager; every dtype)"),
        ([("f", "eager", "float64"), ("f", "xla", "float32")], "f (eager; float64); f (xla; float32)"),
    ],
)  # fmt: skip
def test_a_row_claims_what_the_records_show(places: list[tuple[str, str, str]], told: str) -> None:
    """Products of names, modes and dtypes that cover the places and nothing else."""
    assert where.told(places) == told
    covered = {(name, mode, dtype) for names, modes, dtypes in where.blocks(places)
               for name in names for mode in modes for dtype in dtypes}  # fmt: skip
    assert covered == set(places)


def test_what_is_not_finite_is_worse_than_any_distance() -> None:
    """Then comes the relative distance, then the absolute one; a law's second result is no exact value."""
    lost = check(worst=element("0x0p+0", "0x1p-40"))
    larger = check(worst=element("0x0p+0", "0x1p-10"))
    near = check(worst=element("0x1.8p+0", "0x1p+0"))
    infinite = check(worst=element("inf", "0x1p+0"))
    law = check(clause="L1", worst=element("nan", "0x1p+0"))

    assert worst([near, lost, larger]).exact == 2.0**-10
    assert worst([lost, infinite]).got == float("inf")
    further = check(worst=element("inf", "0x1p+0", logit="-0x1p+9"))
    assert worst([further, infinite]).logit == worst([infinite, further]).logit == "2"
    assert worst([law, near]).got == 1.5
    assert worst([law]) is None

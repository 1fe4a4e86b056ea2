"""The page as it is made: merging, states, causes, curves, comparison, history, badge, anatomy."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import real
from conformance.arithmetic.proof import Element, prove
from conformance.errors import ContentError, UsageError
from conformance.golden.grid import exact, grid, unpacked
from conformance.records import record
from conformance.report import (
    anatomy,
    badge,
    causes,
    compare,
    curves,
    distances,
    history,
    overview,
    page,
    speed,
    sweeps,
    teeth,
)
from conformance.report.merge import merge, write_records
from conformance.report.states import state
from conformance.spec.outcome import Crashed, Deviates, Unsupported
from conformance.storage.schema import validate
from conformance.verbs import reproduce
from tests import runs


def test_every_kind_of_record_is_valid_and_read_back(tmp_path: Path) -> None:
    """Cases, implementations, grids and curves beside the checks."""
    records = [runs.head(), runs.implementation(), runs.case(), *runs.curves(), runs.check()]
    path = runs.written(tmp_path / "results.jsonl", *records)

    for each in records:
        validate(each, "result", path)
    assert list(record.read(path)) == records


@pytest.mark.parametrize("kind", ["case", "implementation", "grid", "curve", "speed", "sweep"])
def test_a_record_that_lacks_its_parts_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    """By line number."""
    path = runs.written(tmp_path / "results.jsonl", runs.head(), {"record": kind})

    with pytest.raises(ContentError, match="line 2:"):
        list(record.read(path))


def test_the_grid_is_exact() -> None:
    """It agrees with the prover to 100 bits, in every dtype, at every turn of the formulas."""
    for dtype in DTYPES.values():
        points = grid(dtype)
        x, z = points.elements(len(points.labels))
        found = exact(dtype)
        for index in range(0, len(x), 97):
            proven = prove(Element(real(float(x[index]).hex()), real(float(z[index]).hex())))
            for quantity in ("loss", "gradient"):
                truth = real(proven[quantity])
                got = found[quantity]
                value = (_fraction(got.hi[index]) + _fraction(got.lo[index])) * _fraction(2) ** int(got.exponent[index])
                assert abs(value - truth) <= abs(truth) / 2**100


def _fraction(value: float) -> Any:
    from fractions import Fraction

    return Fraction(float(value))


def test_runs_merge_and_the_later_check_counts() -> None:
    """Once for each subject, clause and case, and the page says that it was made twice."""
    first = [runs.head(started="2026-01-01"), runs.check()]
    second = [runs.head(started="2026-01-02"), runs.conforming(), runs.check("values/two")]
    merged = merge([second, first])

    assert [each["outcome"] for each in merged.checks] == ["conforms", "deviates"]
    assert merged.replaced == 1
    assert "made more than once" in merged.notes[0]
    assert "came out otherwise" in merged.notes[1]


def test_two_versions_are_two_subjects() -> None:
    """Neither replaces the other."""
    merged = merge([[runs.head(), runs.check()], [runs.head(), runs.check(version="2.0")]])

    assert len(merged.checks) == 2
    assert [each.version for each in overview.overview(merged.checks)] == ["1.0", "2.0"]


def test_another_case_set_is_merged_case_by_case() -> None:
    """Where the case's own hash is the same; the rest is set aside, and the page says so."""
    old = [
        runs.head(started="2026-01-01", case_set="1" * 64), runs.case("values/same"),
        runs.case("values/changed", hash="1" * 16), runs.check("values/same"), runs.check("values/changed"),
    ]  # fmt: skip
    new = [runs.head(started="2026-01-02"), runs.case("values/same"), runs.case("values/changed")]
    merged = merge([old, new])

    assert [each["case"] for each in merged.checks] == ["values/same"]
    assert "1 checks of other cases were set aside" in merged.notes[0]
    assert merged.notes[0] in page.render(merged).replace("&#39;", "'")


def test_a_run_of_another_case_set_that_tells_no_cases_is_set_aside() -> None:
    """Nothing of it can be known to mean the same."""
    merged = merge([[runs.head(started="1", case_set="1" * 64), runs.check()], [runs.head(started="2"), runs.check()]])

    assert len(merged.checks) == 1
    assert merged.replaced == 0


def test_a_missing_framework_keeps_its_last_result_with_its_age() -> None:
    """No data is neither a pass nor a failure, and old data does not vanish."""
    old = [runs.head(started="2026-01-01T00:00:00"), runs.check()]
    new = [runs.head(started="2026-01-11T00:00:00", adapters={}, missing={"a": "no module 'a'", "b": "no module 'b'"})]
    merged = merge([old, new])
    html = page.render(merged)

    assert merged.age("a") == 10
    assert "10 days before the newest run" in html
    assert "no data since" in html
    assert "no module &#39;b&#39;; no earlier result" in html


def test_merged_records_are_a_results_file(tmp_path: Path) -> None:
    """Nothing is lost but what was replaced."""
    records = [runs.head(), runs.implementation(), runs.case(), *runs.curves(), runs.check()]
    write_records(merge([records]), tmp_path / "merged.jsonl")

    assert sorted(map(record.line, record.read(tmp_path / "merged.jsonl"))) == sorted(map(record.line, records))


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (runs.conforming(), "conforms"),
        (runs.check(), "known"),
        ({**runs.check(), "expected": False}, "unexpected"),
        ({**runs.conforming(), "expected": False}, "unexpected"),
        (runs.check(outcome=Unsupported("no such thing")), "unsupported"),
        ({**runs.check(outcome=Crashed("killed")), "expected": False}, "crashed"),
    ],
)
def test_states(check: record.Record, name: str) -> None:
    """A fixed deviation is as unexpected as a new one."""
    assert state(check) == name


def test_modes_that_look_the_same_share_a_row() -> None:
    """And the tile says in which mode only a clause deviates."""
    checks = [
        runs.check(), runs.check(mode="compiled"), runs.check(clause="V4", mode="compiled"),
        runs.conforming(mode="graph"),
    ]  # fmt: skip
    (framework,) = overview.overview(checks)
    same, other = framework.rows

    assert same.modes == ("eager", "compiled")
    assert other.modes == ("graph",)
    assert same.tiles["V"]["float32"].told == "V3 should (lost-tail ×2); V4 should (lost-tail ×1) only compiled"


def test_tiles_show_the_worst() -> None:
    """Crashed before unexpected before must before should before may."""
    tile = overview.Tile()
    for check, kind in (
        (runs.conforming(), "conforms"),
        (runs.check(clause="V6", level="may"), "may"),
        (runs.check(level="should"), "should"),
        (runs.check(clause="V2", level="must"), "must"),
        ({**runs.check(), "expected": False}, "unexpected"),
        ({**runs.check(outcome=Crashed("killed")), "expected": False}, "crashed"),
    ):
        tile.add(check["clause"], check["level"], "eager", state(check), check["signature"])
        assert tile.kind == kind


def test_causes_prefer_an_example_with_a_reproducer() -> None:
    """And a reproducer written by hand counts before any other."""
    merged = merge([[runs.head(), {**runs.check("values/a"), "reproducer": ""}, runs.check("values/b")]])
    (cause,) = causes.causes(merged)

    assert cause["example"]["case"] == "values/b"
    assert (cause["reason"], cause["harm"], cause["cases"]) == ("It cancels.", "No gradient.", 2)
    head = runs.head(deviations={"a": {"tail": {"reason": "", "harm": "", "link": "", "reproducer": "print(0)"}}})
    assert causes.causes(merge([[head, runs.check()]]))[0]["reproducer"] == "print(0)"


def test_curves_measure_what_was_returned() -> None:
    """The oracle is within an ULP; its double is wrong by the whole result."""
    merged = merge([[runs.head(), *runs.curves(), *runs.curves(2.0, implementation="twice")[1:]]])
    grids = curves.lattices(merged)
    measured = list(curves.samples(merged, grids))

    assert max(measured[0].errors.result_ulp) <= 1
    doubled = measured[2]
    assert (doubled.subject["implementation"], doubled.quantity) == ("twice", "loss")
    assert np.median(doubled.errors.result_ulp) > 2**22


def test_agreement_is_zero_for_equals_and_a_distance_for_others() -> None:
    """In ULP of the exact value, NaN against a number at no distance but infinity."""
    apart = distances.distance(
        np.array([1.0, np.nan, np.nan, 1.0]), np.array([1.25, np.nan, 1.0, 1.0]), np.array([-2] * 4)
    )

    assert apart.tolist() == [1.0, 0.0, np.inf, 0.0]


@pytest.mark.parametrize("broken", ["!", "AAAA"])
def test_a_curve_that_cannot_be_read_is_one_line(broken: str) -> None:
    """By subject."""
    made = runs.curves()
    made[1]["values"] = broken
    with pytest.raises(UsageError, match=r"the curve of a bce 1\.0 eager cpu float32"):
        page.render(merge([[runs.head(), *made, runs.check()]]))


def test_the_page_escapes_what_it_shows() -> None:
    """Markup in a record is text; the data blocks are in base64's alphabet."""
    hostile = {**runs.check("values/<script>alert(1)</script>"), "detail": "</script><img src=x onerror=alert(2)>"}
    html = page.render(merge([[runs.head(), {**hostile, "expected": False, "note": "<b>not</b> in the ledger"}]]))

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<img" not in html
    assert "&lt;b&gt;not&lt;/b&gt; in the ledger" in html
    assert not re.search(r"""(?:src|href)=["']https?://(?!example\.org)""", html.split("<script>")[0])
    for block in re.findall(r'<script type="application/octet-stream" id="data-\w+">([^<]*)</script>', html):
        assert gzip.decompress(base64.b64decode(block.strip(), validate=True))


def test_a_page_of_nothing_is_a_page() -> None:
    """A run that judged nothing says so."""
    html = page.render(merge([[runs.head(adapters={}, missing={"a": "no module 'a'"})]]))

    assert "? no data" in html


def test_the_kill_matrix_is_shown_when_given(tmp_path: Path) -> None:
    """Who was caught by what."""
    path = tmp_path / "teeth.json"
    miniature = {"name": "clipped", "idea": "clips", "expected": ["V1"], "killed_by": ["V1", "V2"], "cases": 3}
    path.write_text(json.dumps({"clauses": ["V1", "V2"], "miniatures": [miniature]}), encoding="utf-8")
    html = page.render(merge([[runs.head(), runs.check()]]), teeth.load(path))

    assert "clipped" in html
    assert "1 of 1 were caught" in html


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"clauses": [], "miniatures": [{}]}', "[" * 9999])
def test_what_is_no_kill_matrix_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    """By file."""
    path = tmp_path / "teeth.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=re.escape(str(path))):
        teeth.load(path)


def test_a_badge_says_what_is_unexpected_and_has_no_score() -> None:
    """shields.io's endpoint format."""
    good = json.loads(badge.badge(merge([[runs.head(), runs.conforming(), runs.check("values/two")]])))
    bad = json.loads(badge.badge(merge([[runs.head(), {**runs.check(), "expected": False}]])))

    assert (good["schemaVersion"], good["message"], good["color"]) == (
        1,
        "1 conform, 1 known deviations",
        "brightgreen",
    )
    assert (bad["message"], bad["color"]) == ("1 unexpected", "red")


def test_comparison_tells_fixed_from_broken_and_moved() -> None:
    """Exit code 1 is for what got worse in kind."""
    moved = {"elements": 4, "max_result_ulp": 3.5}
    old = [
        runs.head(),
        runs.conforming("values/a"),
        runs.check("values/b"),
        runs.conforming("values/c"),
        runs.check("values/d"),
    ]
    new = [
        runs.head(adapters={"a": {"versions": {"a": "2.0"}, "devices": ["cpu"], "threads": 1}}, deviations={"a": {}}),
        runs.check("values/a", version="2.0"), runs.conforming("values/b", version="2.0"),
        {**runs.conforming("values/c", version="2.0"), "measures": moved},
        runs.check("values/d", outcome=Deviates("nan", "it is NaN"), version="2.0"),
    ]  # fmt: skip
    found = compare.compare(old, new)

    assert {each.kind: each.example for each in found.changes} == {
        "broken": "values/a", "fixed": "values/b", "worse": "values/c", "changed": "values/d",
    }  # fmt: skip
    assert found.regressions == 1
    assert found.versions == [("a", "1.0", "2.0")]
    assert found.ledger == [("a", "tail", "taken out")]
    assert "by up to 3 ULP" in compare.markdown(found)
    assert compare.compare(old, old).changes == []
    assert compare.compare(old, new, ulps=5).of("worse") == []


def test_comparison_of_times_knows_the_noise() -> None:
    """Bands that touch are no difference."""
    assert compare.compare([runs.head(), runs.speed()], [runs.head(), runs.speed(1.1)]).changes == []
    (slower,) = compare.compare([runs.head(), runs.speed()], [runs.head(), runs.speed(1.9)]).changes
    assert (slower.kind, slower.after) == ("slower", "1.50 times")


def test_comparison_of_sweeps_needs_no_element_again() -> None:
    """The same bits are no change; more results beyond the bound are worse, fewer better, others merely changed."""

    def kinds(old: Any, new: Any) -> list[tuple[str, str]]:
        found = compare.compare([runs.head(), old], [runs.head(), new])
        return [(each.kind, each.what) for each in found.changes]

    assert kinds(runs.sweep(), runs.sweep()) == []
    ((kind, told),) = kinds(runs.sweep(0), runs.sweep(3))
    assert (kind, told) == ("swept worse", "0 of 65,536 beyond the bound, worst 1.5 ULP → 3 of 65,536, worst 1.5 ULP")
    assert kinds(runs.sweep(3), runs.sweep(1))[0][0] == "swept better"
    assert kinds(runs.sweep(3), runs.sweep(3, 1.25))[0][0] == "swept otherwise"
    assert compare.compare([runs.head(), runs.sweep(0)], [runs.head(), runs.sweep(3)]).regressions == 1


def test_a_time_stands_beside_what_was_judged() -> None:
    """A must deviation of what it computes, in its version and dtype, takes its rank; what was not judged has none."""

    def state(*checks: Any) -> tuple[str, list[str], Any]:
        (found,) = _block(speed.speed(merge([[runs.head(), runs.speed(), *checks]])))["times"]
        return found["state"], found["must"], found["ulp"]

    tail = runs.check("gradients/one", "G2")
    assert state() == ("unjudged", [], None)
    assert state(runs.check("values/one", version="2.0")) == ("unjudged", [], None)
    assert state(tail) == ("right", [], 8388608.0)
    assert state(tail, runs.check("values/one", "V1", "must")) == ("wrong", ["V1"], 8388608.0)
    # A rule on shapes is broken: it is named, and takes no rank.
    assert state(tail, runs.check("shapes/one", "S8", "must")) == ("right", ["S8"], 8388608.0)
    assert state(runs.check("shapes/one", "S8", "must", dtype="float64")) == ("unjudged", [], None)


def test_a_time_that_was_not_earned_has_no_rank() -> None:
    """Whatever was judged: what was timed was looked at, and the reason stands beside it."""
    unearned = {**runs.speed(), "unranked": "it changed its logits"}
    (found,) = _block(speed.speed(merge([[runs.head(), unearned, runs.check("gradients/one", "G2")]])))["times"]

    assert (found["state"], found["unranked"]) == ("wrong", "it changed its logits")


def test_a_later_time_of_the_same_workload_counts() -> None:
    """And of the same sweep."""
    first = [runs.head(started="2026-01-01"), runs.speed(1.0), runs.sweep(1)]
    second = [runs.head(started="2026-01-02"), runs.speed(2.0), runs.sweep(2), runs.speed(3.0, workload="other")]
    found = merge([second, first]).others

    assert [each.get("median") for each in found if each["record"] == "speed"] == [2.0, 3.0]
    assert [each["found"][0]["counts"]["lost"] for each in found if each["record"] == "sweep"] == [2]


def test_a_sweep_is_told_in_exact_shares() -> None:
    """Never 100 % where one is missing; witnesses as numbers; what is no distance by name."""
    (row,) = sweeps.rows(merge([[runs.head(), runs.sweep()]]))

    assert row.shares == {"≤ ½": "99.991 %", "≤ 1": "99.994 %", "≤ 4": "99.994 %", "worse": "0.006 %"}
    assert row.worst == {"ulp": "1.5", "logit": "-5.25", "label": "0", "got": "0.0078125", "bits": "0xc540"}
    assert row.others == "3 lost, 1 nan"
    (region,) = row.regions
    assert (region["count"], region["first"], region["last"]) == ("3", "-5.83203125", "-9.703125")
    assert sweeps._percent(5, 5) == "100 %"
    assert sweeps._percent(2**32 - 1, 2**32) == "99.999 %"
    assert sweeps._percent(1, 2**32) == "1 of 4,294,967,296"


def _block(text: str) -> Any:
    raw = gzip.decompress(base64.b64decode(text))
    return json.loads(raw[4 : 4 + int.from_bytes(raw[:4], "little")])


def test_history_orders_versions_as_versions() -> None:
    """2.10 comes after 2.9, and what was not run is a gap."""
    found = history.history([[runs.head(), runs.check(version="2.10")], [runs.head(), runs.conforming(version="2.9")]])

    assert found.versions == {"a": ["2.9", "2.10"]}
    (line,) = found.lines
    assert [len(line.points[each]["clauses"]["should"]) for each in ("2.9", "2.10")] == [0, 1]


@pytest.mark.parametrize("name", anatomy.EXAMPLES)
def test_only_the_mean_makes_a_number(name: str) -> None:
    """Every other step has the shape of the logits; the add is the loss."""
    *steps, mean = anatomy.steps(anatomy.EXAMPLES[name])

    assert {step.value.shape for step in steps} == {steps[0].value.shape}
    assert mean.value.shape == ()
    x, z, add = steps[0].value, steps[1].value, steps[-1].value
    assert np.allclose(add, np.log1p(np.exp(x)) - x * z)


def test_the_worked_example_has_its_known_mean() -> None:
    """0.4630 over the six losses."""
    assert float(anatomy.steps(anatomy.EXAMPLES["multilabel"])[-1].value) == pytest.approx(0.46300, abs=1e-5)


def test_reproducers_are_run_and_held_against_the_record() -> None:
    """What prints the recorded number shows it; what prints another, or raises, does not."""
    example = runs.check()
    good = "x = 0.5\nprint(x)  # got 0.5, exact 1.0"
    assert reproduce.shows(good, example, *reproduce.run_all([good])) == ""
    assert "did not print" in reproduce.shows(good, example, reproduce.Printed("0.25"))
    assert "raised ValueError" in reproduce.shows(good, example, reproduce.Printed("", "ValueError"))
    assert reproduce.shows("f()  # got ValueError, exact 1", example, reproduce.Printed("", "ValueError")) == ""
    assert reproduce.run_all(["raise KeyError", "print(2)"]) == [
        reproduce.Printed("", "KeyError"), reproduce.Printed("2\n"),
    ]  # fmt: skip


def test_packed_arrays_come_back() -> None:
    """Little-endian, and nothing but base64."""
    assert unpacked(runs.packed(np.array([1.5, -0.0])), np.float64).tolist() == [1.5, -0.0]
    with pytest.raises(ValueError, match="base64"):
        unpacked("?", np.float64)


def test_a_deviation_lives_from_the_release_in_which_it_came_to_the_one_in_which_it_went() -> None:
    """Where none of its checks was made nobody knows; what was chosen beside the framework tells releases apart."""
    found = history.history(
        [
            [runs.head(), runs.conforming(adapter="a==1.9", version="1.9")],
            [runs.head(), runs.check(adapter="a==1.10", version="1.10")],
            [runs.head(), runs.check("values/other", adapter="a==1.11", version="1.11")],
            [runs.head(), runs.conforming(adapter="a[b==3]==1.12", version="1.12")],
        ]
    )
    (line,) = found.changing("a")

    assert found.versions == {"a": ["1.9", "1.10", "1.11", "1.12, b 3"]}
    assert [line.state(each) for each in found.versions["a"]] == ["absent", "shows", "shows", "absent"]
    assert line.told(found.versions["a"]) == "came in 1.10, after 1.9; gone in 1.12, b 3, after 1.11"
    assert found.steady("a") == []

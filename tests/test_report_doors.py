"""What the doors are made of: effects, words, findings, drafts, ports, the search's index, traps."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.records import record
from conformance.report import causes, doors, draft, effects, home, page, port, searching, standing, traps
from conformance.report.merge import merge
from conformance.spec.outcome import Deviates
from conformance.storage.schema import validate
from tests import runs


def test_the_same_effect_is_one_in_every_framework() -> None:
    """Told by clause and signature, not by the name that a ledger gives it."""
    one = effects.effect(runs.check(clause="V3"))
    other = effects.effect(runs.check(clause="V3", implementation="other"))
    at_infinity = effects.effect(runs.check(clause="V4", outcome=Deviates("nan", "")))

    assert one == other
    assert (one.told, at_infinity.told) == ("loss tail lost", "loss NaN at infinite logits")


def test_home_tells_a_function_in_words() -> None:
    """The gravest first, by respect; what half precision or a compiler adds stands apart from what was there before."""
    cut = Deviates("truncated", "")
    deep = runs.case("values/one", input={"logits": ["17"], "labels": ["1"]})
    checks = [
        runs.check(), runs.check(mode="compiled"), runs.check(clause="D3", mode="compiled", outcome=cut),
        runs.conforming(clause="S8"), runs.check(dtype="float16"),
    ]  # fmt: skip
    merged = merge([[runs.head(), deep, *checks]])
    (line,) = home.lines(merged, standing.standing(merged), causes.causes(merged))

    assert {name: [words for words, *_ in cell.worst] for name, cell in line.cells.items()} == {
        "everyday": [], "tails": ["loss tail lost"], "infinities": [], "shapes": [], "half": [],
        "compiled": ["integer labels cut the loss"],
    }  # fmt: skip
    assert line.cells["shapes"].judged == 1


def test_a_door_knows_since_when() -> None:
    """As far as versions were run, and no further."""
    old, new = [runs.head(), runs.conforming(version="1.0")], [runs.head(), runs.check(version="2.0")]

    def since(*parts: list[record.Record]) -> str:
        merged = merge(parts)
        (door,) = doors.doors(merged, standing.standing(merged), causes.causes(merged))
        return door.findings[0].since

    assert since(new) == "seen in 2.0; older versions were not run"
    assert since(old, new) == "since 2.0; 1.0 does not have it"
    assert since([runs.head(), runs.check(version="1.0")], new) == "seen from 1.0 on, the oldest that was run"


def test_a_draft_says_what_an_issue_needs() -> None:
    """Title, script, what is printed and what is exact, versions, effect."""
    text = {"reason": "It cancels.", "harm": "No gradient.", "title": "The tail is gone"}
    (cause,) = causes.causes(merge([[runs.head(deviations={"a": {"tail": text}}), runs.check()]]))
    told = draft.draft(cause, ["1.0"])

    for part in ("The tail is gone", "x = 0.0", "Got: `0.0`; exact: `1.0`", "**Versions:** 1.0", "No gradient."):
        assert part in told


def test_what_is_inherited_has_no_draft() -> None:
    """The page says whose it is, by the name that people know."""
    text = {"reason": "It cancels.", "harm": "No gradient.", "title": "The tail is gone"}
    facts = {**runs.head()["adapters"]["a"], "title": "Beth, Gimel"}
    adapters = {**runs.head()["adapters"], "b": facts}

    def drawn(**more: str) -> str:
        head = runs.head(deviations={"a": {"tail": {**text, **more}}}, adapters=adapters)
        return page.render(merge([[head, runs.check()]]))

    assert "Draft of an issue" in drawn()
    assert "Draft of an issue" not in drawn(inherited="b")
    assert "it is inherited from Beth, and is to be filed there" in drawn(inherited="b")


def test_what_no_ledger_lists_is_told_first() -> None:
    """A door that has nothing to fix says so only where nothing is new, and every word of home leads somewhere."""
    case = runs.case("values/one", input={"logits": ["17"], "labels": ["1"]})
    new = {**runs.check(), "expected": False, "deviation": ""}
    html = page.render(merge([[runs.head(), case, new]]))

    assert '<a href="#new">1 check</a> came out as no ledger says' in html
    assert 'href="#new">loss tail lost</a>' in html
    assert 'id="new"' in html
    assert "Nothing is to mend" not in html


def test_ports_without_recipes_are_all_functions() -> None:
    """The door is there for runs that executed none, with the effects of each call."""
    merged = merge([[runs.head(), runs.implementation(), runs.check()]])
    found = _block(port.port(merged, standing.standing(merged), causes.causes(merged), {}, []))

    assert [each["implementation"] for each in found["calls"]] == ["bce"]
    assert found["recipes"] == []
    assert [row[3:6] for row in found["effects"]] == [["loss", "tail lost", "tail"]]


def test_the_search_knows_every_synonym() -> None:
    """Each of them finds something in the published words: no dead ends."""
    found = _block(searching.searching(merge([[runs.head(), runs.case(), runs.check()]]), []))

    assert {row[0] for row in found["rows"]} == {"door", "case", "clause", "word"}
    assert all(others for others in found["synonyms"].values())


def test_traps_tell_who_falls_in() -> None:
    """Only those whose case was run, with the right loss beside it."""
    checks = [
        runs.check("values/confident-negative"),
        runs.conforming("values/confident-negative", implementation="good"),
    ]
    (trap,) = traps.traps(merged := merge([[runs.head(), *checks]]), standing.standing(merged))

    assert (trap.fallen, trap.asked) == (["a bce (eager)"], 2)
    assert trap.loss == pytest.approx(4.139937e-8, rel=1e-6)


def test_every_kind_of_port_record_is_valid() -> None:
    """A recipe, a source, a trial; and the merged records hold them."""
    merged = merge([[runs.head(), *runs.ports()]])

    for each in runs.ports():
        validate(each, "result", Path("results.jsonl"))
    assert list(merged.others) == runs.ports()


def _block(text: str) -> Any:
    raw = gzip.decompress(base64.b64decode(text))
    return json.loads(raw[4 : 4 + int.from_bytes(raw[:4], "little")])

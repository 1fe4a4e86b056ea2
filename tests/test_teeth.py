"""The suite catches what it claims: every miniature, by every clause named for it; every clause and case has a kill.

``pytest tests/test_teeth.py -s`` prints the kill matrix, ``--write-teeth`` stores it in reports/teeth.json.
"""

from __future__ import annotations

import json

import pytest
import torch
from rich.console import Console

from conformance.configurations.factors import DEFAULTS, FACTORS
from conformance.golden import collection, quick
from conformance.spec.clauses import CLAUSES
from conformance.storage import content
from tests import quick as choosing
from tests import teeth
from tests.miniatures.miniature import Miniature, cabinet

CABINET = cabinet()
# Values of factors that no miniature's reduced cause names, each with the reason.
UNNEEDED: dict[tuple[str, str], str] = {}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, teeth.Verdict]:
    """What caught each miniature. One thread: nothing may depend on how many cores there are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {each.name: teeth.judge(each) for each in CABINET}
    finally:
        torch.set_num_threads(threads)


def test_the_cabinet_is_full() -> None:
    """At least a hundred, each with a name, an idea and a deed of its own."""
    assert len(CABINET) >= 100
    assert len({each.name for each in CABINET}) == len({each.idea for each in CABINET}) == len(CABINET)
    assert all(each.caught_by and set(each.caught_by) <= set(CLAUSES) for each in CABINET)


@pytest.mark.parametrize("miniature", CABINET, ids=lambda each: each.name)
def test_a_miniature_is_caught_by_every_clause_named_for_it(
    verdicts: dict[str, teeth.Verdict], miniature: Miniature
) -> None:
    """Whatever else catches it."""
    assert set(miniature.caught_by) <= set(verdicts[miniature.name].caught)


def test_every_clause_is_failed_by_a_miniature(verdicts: dict[str, teeth.Verdict]) -> None:
    """A clause that nothing fails is a check that cannot fail."""
    assert set(CLAUSES) == set().union(*(each.caught for each in verdicts.values()))


def test_every_clause_is_named_by_a_miniature() -> None:
    """Not only failed by accident."""
    assert set(CLAUSES) == {clause for each in CABINET for clause in each.caught_by}


def test_every_case_is_failed_by_a_miniature(verdicts: dict[str, teeth.Verdict]) -> None:
    """A case that nothing fails is a case that cannot fail."""
    assert {each.id for each in collection.load_all()} == set().union(*(each.cases for each in verdicts.values()))


def test_every_value_of_every_factor_is_needed_by_a_miniature(verdicts: dict[str, teeth.Verdict]) -> None:
    """A reduced cause names it: without the value that miniature would pass. Plain values are in no cause."""
    values = {(factor, value) for factor, known in FACTORS.items() for value in known if value != DEFAULTS[factor]}
    unneeded = values - set().union(*(each.needed for each in verdicts.values()))
    for factor, value in sorted(unneeded):
        Console().print(f"needed by no miniature: {factor} = {value}")

    assert unneeded == set(UNNEEDED)


def test_the_quick_part_kills_what_the_whole_kills(
    verdicts: dict[str, teeth.Verdict], pytestconfig: pytest.Config
) -> None:
    """cases/quick.json, which --quick hears; nothing in it can go without a miniature passing."""
    path = content.folder("cases") / quick.FILE
    if pytestconfig.getoption("write_teeth"):
        path.write_text(json.dumps(choosing.chosen(verdicts.values()), indent=1) + "\n", encoding="utf-8")
    part = json.loads(path.read_text(encoding="utf-8"))

    assert choosing.missed(verdicts.values(), part) == []
    for case, dtypes in part.items():
        for dtype in dtypes:
            less = {**part, case: [each for each in dtypes if each != dtype]}
            assert choosing.missed(verdicts.values(), less) != [], f"{case} in {dtype} is not needed: --write-teeth"


def test_the_stored_kill_matrix_is_this_one(verdicts: dict[str, teeth.Verdict], pytestconfig: pytest.Config) -> None:
    """reports/teeth.json, which the page shows."""
    current = teeth.matrix(verdicts.values())
    Console(soft_wrap=True, highlight=False).print(teeth.drawing(current))
    if pytestconfig.getoption("write_teeth"):
        teeth.MATRIX.write_text(json.dumps(current, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    assert json.loads(teeth.MATRIX.read_text(encoding="utf-8")) == current, "write it anew with --write-teeth"

"""The golden cases: their form, their coverage, their proofs; and what a bad case file is answered."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import total
from conformance.arithmetic.proof import QUANTITIES
from conformance.errors import ContentError
from conformance.golden import prove
from conformance.golden.case import Case
from conformance.golden.collection import load, load_all
from conformance.spec.clauses import CLAUSES
from conformance.storage import content

CASES = load_all()
GOOD = """\
idea = "A plain statement of the behaviour"
source = "SPEC.md V2"
clauses = ["V2"]
flags = ["ordinary"]

[input]
logits = ["1", "2"]
labels = ["1"]
"""


@pytest.mark.parametrize("path", content.case_files(), ids=lambda path: path.parent.name + "/" + path.stem)
def test_every_golden_is_what_ball_arithmetic_gives(path: Path) -> None:
    """Byte for byte."""
    assert prove.is_proven(path)


def test_there_are_cases_for_every_clause_and_dtype() -> None:
    """At least 120 files; no clause without a case; no dtype without hundreds of elements."""
    clauses = Counter(clause for case in CASES for clause in case.clauses)

    assert len(CASES) >= 120
    assert set(clauses) == set(CLAUSES)
    for dtype in DTYPES.values():
        own = [case for case in CASES if not case.drawn and dtype.name in case.dtypes]
        assert sum(case.texts[case.argument].size for case in own) > 500


def test_ideas_are_distinct_and_state_the_behaviour() -> None:
    """No two cases say the same, and none says 'should' or 'test that'."""
    ideas = Counter(case.idea for case in CASES)

    assert [idea for idea, count in ideas.items() if count > 1] == []
    assert [idea for idea in ideas if re.search(r"\bshould\b|\btests? that\b", idea, re.IGNORECASE)] == []


@pytest.mark.parametrize("case", [case for case in CASES if not case.drawn], ids=lambda case: case.id)
def test_cases_are_small_enough_to_check_by_hand(case: Case) -> None:
    """At most 16 elements, pictures apart."""
    assert case.texts[case.argument].size <= (256 if "per-pixel" in case.flags or len(case.shape) > 2 else 16)


def test_finite_inputs_stay_finite_in_every_dtype_of_the_case() -> None:
    """A decimal that overflows or vanishes in a dtype would make another case of it."""
    for case in CASES:
        for name in case.texts:
            for dtype in (DTYPES[each] for each in case.dtypes):
                values, texts = case.operand(name, dtype).reshape(-1), list(case.texts[name].flat)
                for value, text in zip(values, texts, strict=True):
                    assert np.isfinite(value) == (text not in ("inf", "-inf", "nan")), (case.id, dtype.name, text)
                    assert (value == 0) == (float.fromhex(text) == 0 if "0x" in text else float(text) == 0), (
                        case.id,
                        text,
                    )


def test_the_worked_example_has_the_known_mean() -> None:
    """0.463 for logits [[0,1],[1,1],[2,-4]] and labels [[1,1],[1,0],[1,0]]."""
    case = next(case for case in CASES if case.id == "reductions/worked-example")

    assert float(total(case.reals("loss", DTYPES["float64"]))) / 6 == pytest.approx(0.463002, abs=5e-6)


def written(folder: Path, text: str, chapter: str = "values") -> Path:
    """A case file in a chapter of a scratch cases folder."""
    path = folder / chapter / "scratch.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_proving_adds_the_results_and_keeps_what_a_person_wrote(tmp_path: Path) -> None:
    """The head stays as it was, the golden part appears, and a second proof changes nothing."""
    path = written(tmp_path, GOOD)

    assert prove.write(path, tmp_path)
    assert path.read_text().startswith(GOOD)
    assert not prove.write(path, tmp_path)
    assert set(load(path, tmp_path).golden["float16"].quantities) == set(QUANTITIES)


def test_a_changed_golden_is_seen(tmp_path: Path) -> None:
    """One digit is enough."""
    path = written(tmp_path, GOOD)
    prove.write(path, tmp_path)
    path.write_text(path.read_text().replace("0x1.40", "0x1.41", 1))

    assert not prove.is_proven(path, tmp_path)
    with pytest.raises(ContentError, match=r"golden\.sha256: the proven results were changed") as refused:
        load(path, tmp_path)
    assert str(path) in str(refused.value)


def test_an_input_that_was_not_proven_is_named(tmp_path: Path) -> None:
    """A changed logit without a new proof is an error of the case, not of a framework."""
    path = written(tmp_path, GOOD)
    prove.write(path, tmp_path)
    path.write_text(path.read_text().replace('"1", "2"', '"1", "3"', 1))

    with pytest.raises(ContentError, match=r"golden\.float32: no row .* run `python -m conformance prove`"):
        load(path, tmp_path).exact("loss", DTYPES["float32"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('idea = "A plain statement of the behaviour"\n', "", "'idea' is a required property"),
        ('source = "SPEC.md V2"\n', "", "'source' is a required property"),
        ('["V2"]', '["Z9"]', "clauses.0: 'Z9' does not match"),
        ('["ordinary"]', '["unheard-of"]', "flags.0: 'unheard-of' is not one of"),
        ('"1", "2"', '"1", "two"', "'two' is not a number"),
        ('"1", "2"', "1, 2", "1 is not a string"),
        ('"1", "2"', '["1", "2"], ["3"]', "its rows differ in length"),
        ("[input]", "[input]\nrepeat = 0", "input.repeat: 0 is less than the minimum"),
        ("[input]", "[input]\nlayout = 'diagonal'", "input.layout: 'diagonal' is not one of"),
        ("[input]", "[inputs]", "Additional properties are not allowed"),
        ('logits = ["1", "2"]', "logits = [", "it is not TOML"),
        ("behaviour", "behaviour.", "one sentence of 15 to 120 characters"),
        ('logits = ["1", "2"]\nlabels = ["1"]', 'picture = ["#x"]\npalette = {"#" = {logit = "1", label = "1"}}',
         "pixel 'x' has no palette entry"),
    ],
)  # fmt: skip
def test_a_malformed_case_is_answered_with_file_and_entry(tmp_path: Path, old: str, new: str, message: str) -> None:
    """One line that says which file, which entry, what is wrong."""
    path = written(tmp_path, GOOD.replace(old, new))

    with pytest.raises(ContentError) as caught:
        load(path, tmp_path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)

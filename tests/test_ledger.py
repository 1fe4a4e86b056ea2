"""Ledgers: what is expected, what has changed, what was fixed; drafts; malformed files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.errors import ContentError, UsageError
from conformance.records import ledger
from conformance.records.ledger import Ledger
from conformance.spec.outcome import Conforms, Crashed, Deviates, Errored, NoData, Outcome, Unsupported
from conformance.subjects.subject import Subject
from conformance.verbs import amendment, draft

TEXT = """
[[deviation]]
id = "lost-tail"
reason = "The loss is a difference of two large numbers."
harm = "Confident correct examples weigh nothing in the loss."
versions = ">=2.3"
[[deviation.where]]
signature = "lost-tail"
implementations = ["bce"]
modes = ["eager", "comp*"]
devices = ["cpu"]
dtypes = ["float32"]
clauses = ["V3"]
cases = ["values/tail-*"]
"""


def subject(**changes: str) -> Subject:
    """A subject that the ledger covers, unless changed."""
    plain = {"adapter": "a", "implementation": "bce", "version": "2.13.0+cpu", "mode": "eager", "device": "cpu",
             "dtype": "float32"}  # fmt: skip
    return Subject(**{**plain, **changes})


@pytest.fixture
def known(tmp_path: Path) -> Ledger:
    """The ledger of TEXT."""
    path = tmp_path / "deviations.toml"
    path.write_text(TEXT)
    return ledger.load(path)


def test_what_is_said_of_a_deviation_is_kept_when_its_places_are_written_anew(tmp_path: Path) -> None:
    """Title, severity, rank, what is right, links and the framework's own sentence, in a ledger and in records."""
    path = tmp_path / "deviations.toml"
    said = """
title = "What a user sees"
severity = "silent-large"
rank = 3
right = "The gradient is right."
link = "https://example.org/1"
related = ["https://example.org/2", "https://example.org/3"]
documented = { sentence = "We do \\"that\\".", url = "https://example.org/doc", checked = "2026-11-26" }
"""
    path.write_text(TEXT.replace("versions = ", said + "versions = "))
    before = ledger.load(path)
    path.write_text(draft.ledger_text([], "a", path))
    after = ledger.load(path)

    assert after.deviations == before.deviations
    texts = after.texts()["lost-tail"]
    assert texts["documented"] == 'We do "that".'
    assert (texts["rank"], texts["related"]) == ("3", "https://example.org/2 https://example.org/3")
    assert set(texts.values()) >= {
        "What a user sees",
        "silent-large",
        "The gradient is right.",
        "https://example.org/doc",
    }
    found = before.judge(subject(), "V3", "values/tail-1", Deviates("lost-tail", ""))
    assert found.documented
    assert not before.judge(subject(), "V3", "values/tail-1", Deviates("nan", "")).documented


@pytest.mark.parametrize(
    ("outcome", "expected", "note"),
    [
        (Deviates("lost-tail", ""), True, ""),
        (Deviates("nan", ""), False, "changed: the ledger lists 'lost-tail' as lost-tail"),
        (Errored("boom"), False, "changed"),
        (Conforms(), False, "fixed: the ledger lists 'lost-tail'"),
        (Unsupported("no"), False, "fixed"),
        (Crashed("died"), False, "changed"),
        (NoData("not here"), True, ""),
    ],
)
def test_a_listed_deviation_is_pinned(known: Ledger, outcome: Outcome, expected: bool, note: str) -> None:
    """Expected as listed; fixed or changed, it is as unexpected as a new one."""
    finding = known.judge(subject(), "V3", "values/tail-17", outcome)

    assert finding.expected is expected
    assert finding.note.startswith(note)


@pytest.mark.parametrize(
    "changes",
    [{"version": "2.2.2"}, {"mode": "func"}, {"device": "gpu"}, {"dtype": "float64"}, {"implementation": "other"}],
)
def test_the_scope_is_exact(known: Ledger, changes: dict[str, str]) -> None:
    """Another version, mode, device, dtype or implementation is not covered."""
    finding = known.judge(subject(**changes), "V3", "values/tail-17", Deviates("lost-tail", ""))

    assert (finding.expected, finding.note) == (False, "not in the ledger")


def test_clause_and_case_belong_to_the_scope(known: Ledger) -> None:
    """The same signature elsewhere is new."""
    assert not known.judge(subject(), "V2", "values/tail-17", Deviates("lost-tail", "")).expected
    assert not known.judge(subject(), "V3", "values/other", Deviates("lost-tail", "")).expected
    assert known.judge(subject(), "V2", "values/other", Conforms()).expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('signature = "lost-tail"', 'signature = "odd"', "unknown signature 'odd'; known: nan,"),
        ('">=2.3"', '"about 2"', "bad versions 'about 2'; write a specifier"),
        ('">=2.3"', '"optax"', "bad versions 'optax'; write a specifier"),
        ('reason = "The loss is a difference of two large numbers."', "", "'reason' is a required property"),
        ('harm = "Confident correct examples weigh nothing in the loss."', 'harm = "bad"', "at least 20 characters"),
        ("[[deviation.where]]", "link = 'http://example.org'\n[[deviation.where]]", "an https:// address"),
        ('cases = ["values/tail-*"]', "", "'cases' is a required property"),
        ("[[deviation]]", "[[deviations]]", "Additional properties are not allowed"),
        ('id = "lost-tail"', 'id = "Lost Tail"', "lower-case words"),
    ],
)
def test_a_malformed_ledger_is_answered_with_file_and_entry(tmp_path: Path, old: str, new: str, message: str) -> None:
    """One line: file, entry, what is wrong, what would be right."""
    path = tmp_path / "deviations.toml"
    path.write_text(TEXT.replace(old, new, 1))

    with pytest.raises(ContentError) as caught:
        ledger.load(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_the_same_id_twice_is_refused(tmp_path: Path) -> None:
    """Two reasons for one id would hide one of them."""
    path = tmp_path / "deviations.toml"
    path.write_text(TEXT + TEXT)

    with pytest.raises(ContentError, match="it is listed twice"):
        ledger.load(path)


def check(mode: str, dtype: str, case: str, outcome: str = "deviates", signature: str = "lost-tail") -> dict:
    """A check's record."""
    return {"record": "check", "subject": vars(subject(mode=mode, dtype=dtype)), "clause": "V3", "case": case,
            "outcome": outcome, "signature": signature}  # fmt: skip


def test_a_draft_lists_exactly_what_deviated(tmp_path: Path) -> None:
    """Under the reason that explains it; the rest under 'unexplained'."""
    old = tmp_path / "deviations.toml"
    old.write_text(TEXT.replace("[[deviation.where]]", 'explains = [{signatures = ["lost-*"]}]\n[[deviation.where]]'))
    records = [
        check("eager", "float32", "values/one"),
        check("func", "float32", "values/one"),
        check("eager", "float16", "values/two"),
        check("eager", "float16", "values/three", "conforms", ""),
        check("eager", "float16", "values/four", signature="nan"),
    ]
    new = tmp_path / "new.toml"
    new.write_text(draft.ledger_text(records, "a", old))
    drafted = ledger.load(new)

    for mode in ("eager", "func"):
        for dtype in ("float32", "float16"):
            for case in ("values/one", "values/two", "values/three", "values/four"):
                record = next((r for r in records if r["subject"] == vars(subject(mode=mode, dtype=dtype))
                               and r["case"] == case and r["outcome"] == "deviates"), None)  # fmt: skip
                outcome = Deviates(record["signature"], "") if record else Conforms()
                assert drafted.judge(subject(mode=mode, dtype=dtype), "V3", case, outcome).expected, (mode, dtype, case)
    assert set(drafted.deviations) == {"lost-tail", "unexplained"}


def test_what_varies_from_processor_to_processor_may_hold(tmp_path: Path) -> None:
    """It is still known where it shows, and unexpected where it goes wrong in another way."""
    path = tmp_path / "deviations.toml"
    path.write_text(TEXT + "varies = true\n")
    known = ledger.load(path)

    assert known.judge(subject(), "V3", "values/tail-17", Conforms()).expected
    assert known.judge(subject(), "V3", "values/tail-17", Deviates("lost-tail", "")).deviation == "lost-tail"
    assert not known.judge(subject(), "V3", "values/tail-17", Deviates("nan", "")).expected


def test_a_draft_keeps_what_another_processor_showed(tmp_path: Path) -> None:
    """A run that does not show it says nothing against it; what it shows anew is added."""
    old = tmp_path / "deviations.toml"
    rule = 'explains = [{signatures = ["lost-*"], varies = true}]\n[[deviation.where]]'
    old.write_text(TEXT.replace("[[deviation.where]]", rule) + "varies = true\n")
    new = tmp_path / "new.toml"
    new.write_text(draft.ledger_text([check("eager", "float16", "values/new")], "a", old))
    drafted = ledger.load(new)

    for case in ("values/tail-17", "values/new"):
        for outcome in (Conforms(), Deviates("lost-tail", "")):
            assert drafted.judge(subject(dtype="float16"), "V3", case, outcome).expected == (
                case == "values/new" or isinstance(outcome, Conforms)
            )
    assert drafted.judge(subject(), "V3", "values/tail-17", Deviates("lost-tail", "")).expected
    assert draft.ledger_text([check("eager", "float16", "values/new")], "a", new) == new.read_text()


BESIDE = TEXT.replace('">=2.3"', '"optax<0.2.6"')


@pytest.mark.parametrize(("optax", "expected"), [("0.2.5", True), ("0.2.6", False), ("", False)])
def test_versions_may_be_of_a_package_beside_the_framework(tmp_path: Path, optax: str, expected: bool) -> None:
    """One of which nothing is known counts as the newest; the framework's own version is then no matter."""
    path = tmp_path / "deviations.toml"
    path.write_text(BESIDE)
    known = ledger.load(path).beside({"a": "2.13.0", "Optax": optax})

    assert known.judge(subject(version="1.0"), "V3", "values/tail-1", Deviates("lost-tail", "")).expected is expected
    assert known.judge(subject(version="1.0"), "V3", "values/tail-1", Conforms()).expected is not expected


def old_run(*checks: dict, version: str = "2.2") -> list[dict]:
    """A run of an older version."""
    for each in checks:
        each["subject"] = {**each["subject"], "version": version}
    return [{"record": "run", "adapters": {"a": {"versions": {"a": version}}}}, *checks]


def test_a_ledger_is_amended_by_an_older_version_and_stays_what_it_was_for_all_others(tmp_path: Path) -> None:
    """What is new there is listed for these versions, what does not show there for the others, the rest as it was."""
    path = tmp_path / "deviations.toml"
    rule = 'explains = [{signatures = ["lost-*"]}]'
    path.write_text(TEXT.replace('versions = ">=2.3"', rule).replace("tail-*", 'one", "values/two'))
    run = old_run(
        check("eager", "float32", "values/one", "conforms", ""),
        check("eager", "float32", "values/two"),
        check("eager", "float32", "values/three", signature="nan"),
    )
    path.write_text(amendment.amended_text(run, "a", path, "<2.3").replace("comp*", "compiled"))
    known = ledger.load(path)

    for version, outcomes in (
        ("2.2", {"one": Conforms(), "two": Deviates("lost-tail", ""), "three": Deviates("nan", "")}),
        ("2.3", {"one": Deviates("lost-tail", ""), "two": Deviates("lost-tail", ""), "three": Conforms()}),
    ):
        for name, outcome in outcomes.items():
            assert known.judge(subject(version=version), "V3", f"values/{name}", outcome).expected, (version, name)
    newer = draft.ledger_text(
        old_run(check("eager", "float32", "values/one"), check("eager", "float32", "values/two"), version="2.13"),
        "a", path,
    )  # fmt: skip
    path.write_text(newer)
    assert ledger.load(path).judge(subject(version="2.2"), "V3", "values/three", Deviates("nan", "")).expected
    assert ledger.load(path).judge(subject(version="2.2"), "V3", "values/one", Conforms()).expected


@pytest.mark.parametrize(
    ("versions", "told"),
    [
        (">=2,<3", "write one bound, as in '<0.22'"),
        ("soon", "write one bound, as in '<0.22'"),
        ("<2.1", "the run is of 2.2, which is not among them"),
    ],
)
def test_an_amendment_is_for_one_bound_that_the_run_is_within(tmp_path: Path, versions: str, told: str) -> None:
    """Anything else is refused in one line."""
    path = tmp_path / "deviations.toml"
    path.write_text(TEXT)
    with pytest.raises(UsageError, match=re.escape(told)):
        amendment.amended_text(old_run(check("eager", "float32", "values/one")), "a", path, versions)

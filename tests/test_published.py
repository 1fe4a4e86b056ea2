"""What README and reports/ say, held against the published records."""

from __future__ import annotations

import pytest

from conformance import content, record
from conformance.case import load_all
from conformance.ledger import FILE, load
from conformance.report import markdown, page
from conformance.reporting import results

ROOT = content.PACKAGE.parent
PUBLISHED = ROOT / "reports" / "cpu"


@pytest.fixture(scope="module")
def merged() -> page.Merged:
    """The published reference run."""
    return page.merge(list(record.read(each)) for each in results(PUBLISHED))


def test_readme_shows_what_the_published_run_found(merged: page.Merged) -> None:
    """Word for word."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert markdown.table(merged).strip() in readme


def test_readme_counts_the_cases() -> None:
    """It says: more than 240."""
    assert len(load_all()) > 240


def test_nothing_in_the_published_run_is_unexpected(merged: page.Merged) -> None:
    """It was judged with the ledgers beside it."""
    assert [check for check in merged.checks if not check["expected"]] == []


KNOWN_WRONG_ANSWERS = [
    ("tensorflow", "weighted_cross_entropy_with_logits", "G3", "gradients/zero-logit-hard-labels"),
    ("pytorch", "binary_cross_entropy_with_logits", "V3", "values/confident-negative"),
    ("pytorch", "binary_cross_entropy_with_logits", "G2", "values/saturated-positive"),
    ("tensorflow", "sigmoid_cross_entropy_with_logits", "V4", "values/infinite-logits-hard-labels"),
    ("pytorch", "binary_cross_entropy_with_logits", "V4", "values/infinite-logits-hard-labels"),
    ("jax", "optax.sigmoid_binary_cross_entropy", "V4", "values/infinite-logits-hard-labels"),
    ("tensorflow", "sigmoid_cross_entropy_with_logits", "R4", "reductions/half-mean-of-zeros"),
]


@pytest.mark.parametrize(("adapter", "implementation", "clause", "case"), KNOWN_WRONG_ANSWERS)
def test_the_known_wrong_answers_were_found(
    merged: page.Merged, adapter: str, implementation: str, clause: str, case: str
) -> None:
    """By the suite on its own."""
    found = [
        check
        for check in merged.checks
        if (check["subject"]["adapter"], check["subject"]["implementation"]) == (adapter, implementation)
        and (check["clause"], check["case"], check["outcome"]) == (clause, case, "deviates")
    ]

    assert found


def test_every_deviation_is_explained_and_seen() -> None:
    """No entry without a reason of its own, and none that nothing shows."""
    for folder in content.adapter_folders().values():
        ledger = load(folder / FILE)
        assert "unexplained" not in ledger.deviations
        assert {scope.deviation for scope in ledger.scopes} == set(ledger.deviations)


def test_reproducers_are_short(merged: page.Merged) -> None:
    """At most ten lines, and no word of this suite."""
    for check in merged.checks:
        lines = check.get("reproducer", "").splitlines()
        assert len(lines) <= 10, check
        assert not any("conformance" in line for line in lines), check

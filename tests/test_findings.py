"""FINDINGS.md: which deviations are in it, and what is said of each."""

from __future__ import annotations

from typing import Any

from conformance.records import record
from conformance.report import findings
from conformance.report.merge import merge
from tests import runs

TEXT = {"title": "The tail is gone", "reason": "It cancels.", "harm": "No gradient.", "severity": "silent-small"}


def told(*records: record.Record, **changes: Any) -> str:
    """The document of one run whose ledger has one deviation."""
    head = runs.head(deviations={"a": {"tail": {**TEXT, **changes}}})
    return findings.text(merge([[head, *records]]), "RUN")


def test_a_finding_is_an_issue_to_file() -> None:
    """What happens, the script, where, how bad, upstream, and what is right beside it."""
    found = told(runs.check(), right="The gradient.")

    for part in (
        "1 deviations of public functions of 1 frameworks", "- [The tail is gone](#a-tail)", '<a id="a-tail"></a>',
        "### The tail is gone", "x = 0.0\nprint(x)", "Got: `0.0`; exact: `1.0`.", "- **Where:** bce (eager; float32)",
        "- **Versions:** a 1.0", "- **Right beside it:** The gradient.", "- **Upstream:** none found",
        "- **should**, silent and small: clauses V3, 1 check; at worst 0 for 4.13993764e-08 at logit 17, label 1",
    ):  # fmt: skip
        assert part in found


def test_what_a_framework_announces_and_what_users_compose_is_not_there() -> None:
    """Nor a clause that only records a choice."""
    documented = {**runs.check(), "documented": True}
    composed = runs.implementation(role="composition")

    assert "0 deviations" in told(documented)
    assert "0 deviations" in told(composed, runs.check())
    assert "0 deviations" in told(runs.check(level="may"))
    assert "0 deviations" in told(runs.conforming())


def test_what_is_inherited_is_listed_and_not_filed() -> None:
    """Where it is to be mended."""
    texts = {"tail": {**TEXT, "inherited": "b"}, "own": {**TEXT, "title": "Its own is gone"}}
    own = {**runs.check("values/two"), "deviation": "own"}
    found = findings.text(merge([[runs.head(deviations={"a": texts}), runs.check(), own]]), "RUN")

    assert "1 deviations" in found
    assert "- From [b](#b): The tail is gone. bce (eager; float32)" in found
    assert "### The tail is gone" not in found


def test_the_source_is_the_line_that_causes_it_or_else_the_function() -> None:
    """Never both."""
    place = {"record": "source", "adapter": "a", "modes": [], "told": "the sum", "url": "https://example.org/4"}
    causing = {**place, "implementation": "", "deviations": ["tail"], "place": "a.py, line 4"}
    function = {**place, "implementation": "bce", "deviations": [], "place": "a.py, line 1"}

    assert "- **The function:** [a.py, line 1](https://example.org/4)" in told(runs.check(), function)
    both = told(runs.check(), function, causing)
    assert "- **Source:** [a.py, line 4](https://example.org/4), the sum" in both
    assert "line 1" not in both


def test_without_a_script_there_is_a_command() -> None:
    """In the version that was judged."""
    check = {key: value for key, value in runs.check(version="2.0+cpu").items() if key != "reproducer"}

    assert "`python -m conformance run --adapter a==2.0 --implementation 'bce' --mode eager --dtype float32 " in told(
        check
    )


def test_the_worst_framework_comes_first() -> None:
    """And within it the worst finding."""
    texts = {"b": {"large": {**TEXT, "severity": "silent-large"}, "small": TEXT}, "a": {"tail": TEXT}}
    facts = runs.head()["adapters"]["a"]
    head = runs.head(deviations=texts, adapters={"a": facts, "b": facts})
    checks = [
        runs.check(),
        {**runs.check("values/two", adapter="b"), "deviation": "small"},
        {**runs.check("values/three", adapter="b"), "deviation": "large"},
    ]
    found = findings.text(merge([[head, *checks]]), "RUN")

    places = [found.index(f'<a id="{name}">') for name in ("b", "b-large", "b-small", "a", "a-tail")]
    assert places == sorted(places)
    assert "- [b 1.0](#b): 1 silent and large, 1 silent and small" in found


def test_at_a_probability_is_not_at_a_logit() -> None:
    """Chapter P's elements are probabilities."""
    assert "at probability 17, label 1" in told(runs.check(clause="P2"))


def test_texts_begin_no_emphasis_and_no_tag() -> None:
    """They are what a person wrote, not Markdown."""
    assert "It is x\\*z and a \\<b> for x << 0." in told(runs.check(), reason="It is x*z and a <b> for x << 0.")

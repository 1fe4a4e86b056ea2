"""The clauses: SPEC.md, the suite's checks, and the derivations."""

from __future__ import annotations

import importlib
import re

import pytest

from conformance.records import record
from conformance.report.merge import Merged, merge
from conformance.report.shares import largest
from conformance.running.recorder import SUITE
from conformance.spec import specification
from conformance.spec.bounds import careless_summation, large_summation, summation
from conformance.spec.clauses import CHAPTERS, CLAUSES, bound
from conformance.storage import content
from conformance.verbs.reporting import results


def test_spec_md_is_what_spec_py_says() -> None:
    """`python -m conformance list spec --run reports/cpu > SPEC.md` writes it: the table, and what the run showed."""
    root = content.PACKAGE.parent
    published = merge(list(record.read(each)) for each in results(root / "reports" / "cpu"))
    shares = {clause: share.told for clause, share in largest(published).items()}
    assert (root / "SPEC.md").read_text(encoding="utf-8") == specification.text(shares)


def test_a_bound_has_the_share_of_the_nearest_that_keeps_it() -> None:
    """Of a public function: a control counts for nothing, and so does what deviates."""

    def check(name, outcome, share):
        subject = {
            "adapter": "a",
            "implementation": name,
            "version": "1",
            "mode": "eager",
            "device": "cpu",
            "dtype": "d",
        }
        measures = {"of_bound": share}
        return {
            "subject": subject,
            "clause": "V2",
            "case": "c",
            "outcome": outcome,
            "measures": measures,
            "signature": "",
        }

    checks = [check("f", "conforms", 0.25), check("f", "deviates", 3.0), check("control", "conforms", 0.75)]
    roles = {("a", "f"): {"role": "function"}, ("a", "control"): {"role": "control"}}

    assert largest(Merged([], checks, implementations=roles))["V2"].told == "25 %, a f (eager, d) in c"


def test_every_clause_has_exactly_one_check() -> None:
    """In the module of its chapter."""
    found = {}
    for path in SUITE.glob("test_*.py"):
        module = importlib.import_module(f"conformance.suite.{path.stem}")
        checks = getattr(module, "CHECKS", {})
        assert not checks or module.__doc__.startswith(tuple(f"{letter}:" for letter in CHAPTERS))
        for clause in checks:
            assert clause not in found
            found[clause] = path.stem

    assert set(found) == set(CLAUSES)


def test_every_bound_says_where_it_comes_from() -> None:
    """The terms of the derivation are written out."""
    for clause in CLAUSES.values():
        assert clause.reason
        assert clause.source
        if clause.bound:
            assert re.search(r"\d", clause.bound.derivation)


def test_no_tolerance_stands_outside_of_spec_py() -> None:
    """The suite imports its bounds; it writes none down."""
    for path in SUITE.glob("*.py"):
        assert not re.search(r"\b(rtol|atol|approx|isclose|allclose)\b", path.read_text(encoding="utf-8")), path
        assert "Bound(" not in path.read_text(encoding="utf-8"), path


def test_a_clause_without_numbers_has_no_bound() -> None:
    """Asking for it is an error."""
    with pytest.raises(LookupError, match="G4"):
        bound("G4")


def test_summation_bounds_grow_as_derived() -> None:
    """Linear in any order, logarithmic in pairs, the root for one accumulator; not at all for a wide one."""
    for precision in (24, 53):
        assert summation(2, precision).ulps == 12 + 1 + 1
        assert large_summation(10_000_000, precision).ulps == 12 + 24 + 12 + 1
        assert careless_summation(1_000_000, precision).ulps == 12 + (4_000 if precision == 24 else 999_999) + 1
    for precision in (8, 11):
        for each in (summation, large_summation, careless_summation):
            assert each(10_000_000, precision).ulps == each(2, precision).ulps == 12 + 1

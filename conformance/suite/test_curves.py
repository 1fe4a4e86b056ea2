"""Error curves: recorded for the page, judged by the clauses elsewhere."""

from __future__ import annotations

from conformance.subjects.curve import Curve, Draughtsman


def test_curve(curve: Curve, judge: Draughtsman) -> None:
    curve.draw(judge)

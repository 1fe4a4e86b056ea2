"""Proven values: against an independent library, and at the places where a proof could go wrong."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import pytest

from conformance.arithmetic import ball
from conformance.arithmetic.ball import NotProven
from conformance.arithmetic.exact import real
from conformance.arithmetic.proof import Element, prove


@pytest.mark.parametrize("logit", ["-745.2", "-40", "-1e-9", "0.3", "17", "36.8", "700"])
@pytest.mark.parametrize("label", ["0", "0.3", "1"])
def test_mpmath_agrees_to_a_hundred_bits(logit: str, label: str) -> None:
    """The formulas written once more in another library give the same numbers."""
    element = Element(Fraction(logit), Fraction(label), Fraction("1.5"), Fraction("2.25"), Fraction(-3))
    proven = prove(element)
    with mpmath.workprec(3000):
        x, z, w, q, c = (
            mpmath.mpf(each.numerator) / each.denominator
            for each in (element.logit, element.label, element.weight, element.pos_weight, element.cotangent)
        )
        positive, negative = mpmath.log1p(mpmath.exp(-x)), mpmath.log1p(mpmath.exp(x))
        s = 1 / (1 + mpmath.exp(-x))
        expected = {
            "loss": w * ((1 - z) * negative + q * z * positive),
            "gradient": w * c * ((1 - z) * s - q * z * (1 - s)),
            "curvature": w * s * (1 - s) * (1 - z + q * z),
            "label_gradient": w * c * (q * positive - negative),
            "weight_gradient": c * ((1 - z) * negative + q * z * positive),
            "pos_weight_gradient": w * c * z * positive,
        }
        for quantity, value in expected.items():
            stored = Fraction(real(proven[quantity]))
            error = abs(mpmath.mpf(stored.numerator) / stored.denominator - value)
            assert error <= abs(value) * mpmath.mpf(2) ** -100, quantity


def test_smoothing_moves_the_label_towards_one_half() -> None:
    """z (1 - a) + a / 2 takes the place of z."""
    smoothed = prove(Element(Fraction(2), Fraction(1), label_smoothing=Fraction(1, 4)))
    moved = prove(Element(Fraction(2), Fraction(7, 8)))

    assert smoothed["loss"] == moved["loss"]
    assert smoothed["gradient"] == moved["gradient"]


def test_exact_results_are_exact() -> None:
    """At logit 0 the gradient is a short number, and a label of 1/2 makes it zero."""
    assert prove(Element(0.0, Fraction(1)))["gradient"] == "-0x1p-1"
    assert prove(Element(0.0, Fraction(1, 2)))["gradient"] == "0x0p+0"


@pytest.mark.parametrize(
    ("logit", "label", "loss", "gradient"),
    [(math.inf, 1, "0x0p+0", "0x0p+0"), (math.inf, 0, "inf", "0x1p+0"), (-math.inf, 0, "0x0p+0", "0x0p+0"),
     (-math.inf, 1, "inf", "-0x1p+0"), (math.nan, 1, "nan", "nan")],
)  # fmt: skip
def test_infinite_and_nan_logits(logit: float, label: int, loss: str, gradient: str) -> None:
    """Limits at infinity, NaN for NaN."""
    proven = prove(Element(logit, Fraction(label)))

    assert (proven["loss"], proven["gradient"]) == (loss, gradient)


def test_a_loss_below_every_format_keeps_its_sign() -> None:
    """e^-3e38 is stored as a tiny number, not as zero, and its gradient is on the other side."""
    proven = prove(Element(Fraction(3 * 10**38), Fraction(1)))

    assert (proven["loss"], proven["gradient"]) == ("+tiny", "-tiny")


def test_an_undecidable_ball_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ball that stays too wide is an error, never a guess."""
    monkeypatch.setattr(ball, "LAST_PRECISION", 64)
    monkeypatch.setattr(ball, "FIRST_PRECISION", 64)

    with pytest.raises(NotProven, match="still undecided at 64 bits"):
        prove(Element(Fraction(1), Fraction(1)))


def test_infinite_weights_are_refused() -> None:
    """They have no golden value."""
    with pytest.raises(NotProven, match="infinite weights"):
        prove(Element(Fraction(1), Fraction(1), weight=math.inf))

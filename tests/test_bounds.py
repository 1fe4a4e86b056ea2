"""Every bound, from both sides: the last number within it conforms, the next one deviates.

A subject made for the purpose returns the proven results, moved away from zero. Bounds, measures and terms are written
here once more, from SPEC.md.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from conformance.adapter import LAYOUTS, Implementation
from conformance.arithmetic.dtype import DTYPES
from conformance.golden import collection as cases
from conformance.golden.case import row_key
from conformance.judging.batches import Batches
from conformance.judging.choice import Choice
from conformance.judging.session import Session
from conformance.running.judge import Judge
from conformance.spec.outcome import Conforms, Deviates
from conformance.subjects.subject import Runner, Subject, native

FLOAT32 = DTYPES["float32"]
BOUNDS = [
    *((clause, "loss", 12, "scaled") for clause in ("V2", "V4", "V5", "S2", "S3", "S5", "S7", "S8", "D1", "D3", "E2")),
    *((clause, "gradient", 12, "scaled") for clause in ("G1", "G10", "S2", "S3", "S5", "S7")),
    *((clause, each, 14, "scaled") for clause in ("W1", "W2", "W3", "W5") for each in ("loss", "gradient")),
    ("V3", "loss", 10, "result"),
    ("V6", "loss", 7, "result"),
    ("V7", "loss", 4, "result"),
    ("G2", "gradient", 10, "result"),
    ("G3", "gradient", 1.5, "scaled"),
    ("G5", "label_gradient", 12, "scaled"),
    ("G6", "curvature", 20, "scaled"),
    ("G7", "tangent", 12, "scaled"),
    ("G8", "gradient", 14, "scaled"),
    ("G11", "curvature", 20, "result"),
    *(("G12", f"{each} tangent", 14, "scaled") for each in ("label", "weight", "pos_weight")),
    ("W4", "gradient", 14, "scaled"),
    *((clause, "loss", 16, "scaled") for clause in ("P1", "P4")),
    *((clause, "gradient", 14, "scaled") for clause in ("P3", "P7")),
    ("P2", "loss", 8, "result"),
    ("P6", "gradient", 6.5, "result"),
]  # fmt: skip
GOLDENS = {"tangent": "gradient"} | {
    f"{each} tangent": f"{each}_gradient" for each in ("label", "weight", "pos_weight")
}


def sigmoid(x):
    """Without loss of either tail."""
    return np.exp(-np.logaddexp(0, -x))


def term(quantity, x, z, w, q, c):
    """The largest term of each formula, as SPEC.md has it."""
    softplus = np.logaddexp(0, np.abs(x))
    loss = (1 - z) * np.logaddexp(0, x) + q * z * np.logaddexp(0, -x)
    both = np.abs(1 - z + q * z)
    return {
        "loss": lambda: w * np.max([np.abs(x * (1 - z)), np.abs(x * q * z), loss], axis=0),
        "gradient": lambda: np.abs(w * c) * both * sigmoid(np.minimum(np.abs(x), 36)),  # below 1, as the real is
        "curvature": lambda: w * both * sigmoid(np.minimum(np.abs(x), 36)),
        "label_gradient": lambda: np.abs(w * c) * np.maximum(q, 1) * softplus,
        "weight_gradient": lambda: np.max([np.abs(x * (1 - z)), np.abs(x * q * z), loss], axis=0),
        "pos_weight_gradient": lambda: w * z * softplus,
    }[quantity]()


def term_on_probabilities(quantity, p, z, w, c):
    """The same of chapter P; a coefficient of zero leaves nothing of its term."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = {
            "loss": lambda: (z * np.maximum(-np.log(p), 1), (1 - z) * np.maximum(-np.log1p(-p), 1)),
            "gradient": lambda: (c * z / p, c * (1 - z) / (1 - p)),
        }[quantity]()
    return w * np.max([np.where(z == 0, 0, np.abs(terms[0])), np.where(z == 1, 0, np.abs(terms[1]))], axis=0)


def ulp(real):
    """Of each number, in float32; where there is none, of the smallest ones."""
    usable = np.isfinite(real) & (real != 0)
    return step(np.frexp(np.where(usable, real, 2.0**-126))[1] - 1)


def step(exponent):
    """The unit of numbers with this exponent."""
    return 2.0 ** (np.maximum(exponent, -126) - 23.0)


def edge(real, unit, ulps):
    """The last float32 at most ``ulps`` units from an exact number on its far side, and the one after it."""
    if isinstance(real, float) and not math.isfinite(real):
        return real, real
    size, unit, ulps = abs(Fraction(real)), Fraction(float(unit)), Fraction(ulps)
    last = np.float32(float(size + ulps * unit))
    following = np.nextafter(last, np.float32(np.inf))
    # Errors are measured in float64, which cannot tell what misses a bound by its rounding; a tie it can.
    over = Fraction(float(last)) - size - ulps * unit
    if 0 != abs(over) < unit / 2**40:
        last = np.nextafter(last, np.float32(0))
    elif over > 0:
        last, following = np.nextafter(last, np.float32(0)), last
    sign = -1 if real < 0 else 1
    return sign * last, sign * following


def function(logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0):
    """What an implementation is called like; it is never run."""


class Moved(Runner):
    """Returns a case's proven results, ``quantity`` at its bound, and beyond it for one element."""

    def __init__(self, case, quantity, ulps, measure, beyond=False):
        adapter = SimpleNamespace(modes=("eager",), mixed={}, layouts=LAYOUTS, compiles_each_shape=(), packages=())
        implementation = Implementation("f", "f", function, broadcasts=True, takes=case.argument)
        super().__init__(Subject("a", "f", "1", "eager", "cpu", "float32"), adapter, implementation)
        self.case, self.quantity, self.ulps, self.measure, self.beyond = case, quantity, ulps, measure, beyond

    def run(self, call, quantity="loss", wrt=""):
        """Look every element up."""
        operand = (wrt or "logits").removesuffix("s")
        wanted = (
            quantity if operand == "logit" else f"{operand} tangent" if quantity == "tangent" else f"{operand}_gradient"
        )
        rows = list(self.case.elements(FLOAT32))
        table = dict(zip(map(row_key, rows), self.values(wanted), strict=True))
        arrays = [call.operands.get(name, np.float32(1)).astype(np.float64) for name in self.case.operands]
        arrays = np.broadcast_arrays(*arrays)
        found = [table[row_key(row)] for row in zip(*(each.flat for each in arrays), strict=True)]
        return native(np.array(found).reshape(arrays[0].shape), FLOAT32)

    def run_both(self, call):
        """One after the other."""
        return self.run(call), self.run(call, "gradient")

    def values(self, quantity):
        """One result an element of the case."""
        golden = GOLDENS.get(quantity, quantity)
        proven = self.case.exact(golden, FLOAT32)
        exact = proven.approximate()
        if quantity != self.quantity:
            return exact.astype(np.float32)
        x, z, w, q, c = np.array(list(self.case.elements(FLOAT32))).T
        smoothing = float(self.case.label_smoothing)
        with np.errstate(invalid="ignore"):
            scale = (
                term(golden, x, z * (1 - smoothing) + smoothing / 2, w, q, c)
                if self.case.argument == "logits"
                else term_on_probabilities(golden, x, z, w, c)
            )
        # A number just below a power of two is not rounded to it.
        unit = np.where(exact == 0, 2.0**-149, step(proven.exponent))
        unit = unit if self.measure == "result" else np.maximum(ulp(scale), unit)
        reals = self.case.reals(golden, FLOAT32)
        inside, outside = np.array([edge(*each, self.ulps) for each in zip(reals, unit, strict=True)], np.float32).T
        return np.where(w == 0, exact, np.where(self.beyond, outside, inside))


def heard(runner, clause):
    """The outcome of a clause, for a tensor that holds this case alone."""
    session = Session(Choice())
    session.batches = Batches([runner.case])
    return Judge(session).hear(runner, clause, runner.case)


def looked_at(clause, case, quantity):
    """Which elements are one input that the clause judges by its bound; none if there is no such element."""
    exact = case.exact(GOLDENS.get(quantity, quantity), FLOAT32).approximate()
    x, _, w, _, _ = np.array(list(case.elements(FLOAT32))).T.reshape(5, -1)
    good = np.isfinite(exact) & (w != 0)
    if clause == "V6":
        good &= (np.abs(exact) < 2.0**-126) & (np.abs(exact) > 2.0**-149)
    if clause in ("P4", "P7"):
        good &= (x == 0) | (x == 1)
    elif clause.startswith("P"):
        good &= (x != 0) & (x != 1)
    if clause in ("V4", "G10"):
        good &= np.isinf(x)
    if clause == "G3":
        good &= x == 0
    if clause == "W4":
        good &= not np.isfinite(x).all()
    keys = [row_key(row) for row in case.elements(FLOAT32)]
    first = next(itertools.compress(keys, good), None)
    return np.array([key == first for key in keys])


OTHERS = {"label tangent": (), "weight tangent": ("weight",), "pos_weight tangent": ("pos_weight",)}


def usable(case, clause, quantity):
    """True if the case has the clause, and its results are to be as exact as a float32."""
    narrow = case.logit_dtype or case.label_dtype in ("float16", "bfloat16")
    if clause == "G12" and set(case.texts) != {"logits", "labels", *OTHERS[quantity]}:
        return False
    return clause in case.clauses and "float32" in case.dtypes and not narrow and case.mismatch != "raise"


@pytest.mark.parametrize(("clause", "quantity", "ulps", "measure"), BOUNDS)
def test_a_bound_holds_from_both_sides(clause: str, quantity: str, ulps: float, measure: str) -> None:
    """In the cases of its clause, up to three of them: the clause's number is what decides."""
    tried = 0
    for case in cases.load_all():
        if not usable(case, clause, quantity) or not (beyond := looked_at(clause, case, quantity)).any():
            continue
        inside = heard(Moved(case, quantity, ulps, measure), clause)
        outside = heard(Moved(case, quantity, ulps, measure, beyond), clause)
        assert isinstance(inside, Conforms), (case.id, inside)
        assert isinstance(outside, Deviates), (case.id, outside)
        tried += 1
        if tried == 3:
            return
    assert tried

"""Mirror images, (x, z) and (-x, 1 - z), are one number: every clause gives a mirrored subject the mirrored verdict.

Subjects that are right on one side and lose something on the other are put to every case, and their mirror images to
the mirrored case, whose results are proven anew.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from conformance.adapter import LAYOUTS, Implementation, NotOffered, Reduction
from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.number import float_text
from conformance.arithmetic.proof import QUANTITIES
from conformance.golden import collection as cases
from conformance.golden import prove
from conformance.golden.case import Golden
from conformance.judging import draw
from conformance.judging.batches import Batches
from conformance.judging.choice import Choice
from conformance.judging.session import Session
from conformance.running.judge import Judge
from conformance.spec.clauses import CLAUSES
from conformance.subjects.subject import Runner, Subject
from conformance.suite import test_laws
from tests.test_bounds import function

FLOAT32 = DTYPES["float32"]
ODD = ("gradient", "label_gradient")  # what changes its sign in the mirror
REDUCTIONS = {"none": Reduction("none"), "sum": Reduction("sum"), "mean": Reduction("mean", divisor="numel")}


def sigmoid(x):
    """As it is written."""
    return 1 / (1 + np.exp(-x))


def subtracting(x, z):
    """sigmoid(x) - z, (1 - z) x - log(sigmoid(x)), s (1 - s): what is lost is lost on one side."""
    return {
        "loss": (1 - z) * x + np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0),
        "gradient": sigmoid(x) - z,
        "curvature": sigmoid(x) * (1 - sigmoid(x)),
        "label_gradient": -x * (1 + (x > 0) * 2.0**-18),
    }


def relu(x, z):
    """max(x, 0) - x z; the gradient has two sigmoids, one of which is a little off."""
    return {
        "loss": np.maximum(x, 0) - x * z + np.log1p(np.exp(-np.abs(x))),
        "gradient": (1 - z) * sigmoid(x) * (1 + 9 * 2.0**-23) - z * sigmoid(-x),
        "curvature": sigmoid(x) * sigmoid(-x) * (1 + 30 * 2.0**-23),
        "label_gradient": -x,
    }


def textbook(x, z):
    """On probabilities: NaN and infinity on one side before the other."""
    p = sigmoid(x)
    return {
        "loss": -(z * np.log(p) + (1 - z) * np.log(1 - p)),
        "gradient": (p - z) / (p * (1 - p)) * (p * (1 - p)),
        "curvature": p * (1 - p),
        "label_gradient": np.log(1 - p) - np.log(p),
    }


class OneSided(Runner):
    """A subject in float32, or its mirror image."""

    def __init__(self, formulas, mirrored):
        adapter = SimpleNamespace(modes=("eager",), mixed={}, layouts=LAYOUTS, compiles_each_shape=(), packages=())
        implementation = Implementation("f", "f", function, reductions=REDUCTIONS)
        super().__init__(Subject("a", "f", "1", "eager", "cpu", "float32"), adapter, implementation)
        self.formulas, self.mirrored = formulas, mirrored

    def run(self, call, quantity="loss", wrt="logits"):
        """One quantity, weighted, with its cotangent, reduced."""
        wanted = {"labels": "label_gradient"}.get(wrt, "gradient" if quantity == "tangent" else quantity)
        if wrt in ("weight", "pos_weight") or call.label_smoothing or "pos_weight" in call.operands:
            raise NotOffered("not here")
        x, z = call.operands["logits"], call.operands["labels"]
        if x.dtype != np.float32 or z.dtype != np.float32:
            raise NotOffered("not here")
        with np.errstate(all="ignore"):
            values = self.formulas(*((-x, 1 - z) if self.mirrored else (x, z)))[wanted]
            values = -values if self.mirrored and wanted in ODD else values
            weighted = values * call.operands.get("weight", np.float32(1))
        if wanted != "loss":
            cotangent = call.operands.get("cotangent", np.float32(1))
            return np.float32(weighted * cotangent / (x.size if call.reduction == "mean" else 1))
        reduce = {"none": np.asarray, "sum": np.sum, "mean": np.mean}[call.reduction]
        return np.float32(reduce(weighted.astype(np.float64)))

    def run_both(self, call):
        """One after the other."""
        return self.run(call), self.run(call, "gradient")

    def run_and_look(self, call):
        """Leaves the operands as they were."""
        return call.operands


def complement(label):
    """1 - z as text, if float32 holds it; None else."""
    other = 1 - Fraction(float(label))
    return float_text(float(other)) if Fraction(float(np.float32(float(other)))) == other else None


def mirror(case):
    """The case in the mirror, proven anew; None where 1 - z is no float32, or the case is about something else."""
    if set(case.texts) - {"logits", "labels", "weight", "cotangent"} or case.mismatch or not case.finite:
        return None
    if case.label_dtype or case.logit_dtype or "float32" not in case.dtypes or case.label_smoothing != "0":
        return None
    labels = [complement(label) for label in case.operand("labels", FLOAT32).flat]
    if None in labels:
        return None
    logits = [float_text(-float(value)) for value in case.operand("logits", FLOAT32).flat]
    texts = {
        "logits": np.array(logits, dtype=object).reshape(case.texts["logits"].shape),
        "labels": np.array(labels, dtype=object).reshape(case.texts["labels"].shape),
    }
    other = dataclasses.replace(case, texts={**case.texts, **texts}, dtypes=("float32",), golden={})
    rows = list(prove._rows(other, "float32"))
    columns = zip(*(results for _, results in rows), strict=True) if rows else [()] * len(QUANTITIES)
    golden = Golden({key: place for place, (key, _) in enumerate(rows)}, dict(zip(QUANTITIES, columns, strict=True)))
    return dataclasses.replace(other, golden={"float32": golden})


def verdict(formulas, mirrored, clause, case):
    """Outcome and signature of a clause for a tensor that holds this case alone."""
    session = Session(Choice())
    session.batches = Batches([case])
    outcome = Judge(session).hear(OneSided(formulas, mirrored), clause, case)
    return outcome.name, outcome.signature


CASES = [case for case in cases.load_all() if not case.drawn and case.repeat == 1]
PAIRS = [(case, other) for case in CASES if (other := mirror(case)) is not None]
LAWS = [case for case in cases.load_all() if case.law and not {"L5", "L8", "L9"} & set(case.clauses)]


@pytest.mark.parametrize("formulas", [subtracting, relu, textbook], ids=lambda each: each.__name__)
def test_a_mirrored_subject_has_the_mirrored_verdict(formulas) -> None:
    """In every case that has a mirror image: the same outcome, with the same signature."""
    seen = set()
    for case, other in PAIRS:
        for clause in case.clauses:
            found = verdict(formulas, False, clause, case)
            assert found == verdict(formulas, True, clause, other), (clause, case.id)
            seen.add((clause, found[0]))
    deviating = {clause for clause, name in seen if name == "deviates"}
    assert len({clause for clause, _ in seen}) > 15
    assert {"G11"} <= deviating, "a subject that nothing accuses shows nothing"


@pytest.mark.parametrize("formulas", [subtracting, relu, textbook], ids=lambda each: each.__name__)
@pytest.mark.parametrize("case", LAWS, ids=lambda each: each.id)
def test_laws_have_the_mirrored_verdict_too(monkeypatch: pytest.MonkeyPatch, case, formulas) -> None:
    """On drawn inputs, and on these in the mirror."""
    (clause,) = case.clauses
    found = verdict(formulas, False, clause, case)

    def reflected(*given):
        x, z = draw.drawn(*given)
        return -x, 1 - z

    monkeypatch.setattr(test_laws, "drawn", reflected)

    assert found == verdict(formulas, True, clause, case)


def test_most_cases_have_a_mirror_image() -> None:
    """Else this test would look at little."""
    assert len(PAIRS) > 120
    assert {clause for case, _ in PAIRS for clause in case.clauses} >= {
        "V2",
        "V3",
        "G1",
        "G2",
        "G6",
        "G11",
        "W1",
        "S3",
        "G8",
    }
    assert {clause for clause in CLAUSES if clause[0] == "L"} >= {clause for case in LAWS for clause in case.clauses}

"""SPEC.md, written from clauses.py: one table of clauses, one document, no second copy to keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.spec.bounds import HALF_SUMMATION, Bound, careless_summation
from conformance.spec.clauses import CHAPTERS, CLAUSES, Clause

_INTRODUCTION = """\
# Specification

<!-- Written by `python -m conformance list spec --run reports/cpu`, from conformance/spec/clauses.py and the published
run; a test holds them together. -->

For a logit `x` and a label `z` in [0, 1], element by element:

    loss(x, z)       = max(x, 0) - x*z + log1p(exp(-|x|))
    d loss / d x     = sigmoid(x) - z
    d loss / d z     = -x
    d2 loss / d x2   = sigmoid(x) * sigmoid(-x)

With a weight `w` and a pos_weight `q` the loss is `w * ((1 - z) * softplus(x) + q * z * softplus(-x))`. A reduction
(sum, mean, weighted mean) makes a number of it. Where a result is infinite or zero in the limit, the limit counts.

**Levels.** A *must* clause is kept by every backward-stable evaluation with ordinary math functions: a deviation is
more than rounding excuses. A *should* clause is kept by the well-conditioned form: a deviation loses what could be
had. A *may* clause records which of several accepted behaviours was seen; only behaviour outside of them deviates.

**Measures.** `ulp(y) = 2^(max(floor(log2|y|), emin) - p + 1)` of the exact real y. *Result ULP* is
`|got - y| / ulp(y)`; *scaled ULP* is the same error over the ulp of the largest term that the formula must add:
`max(|x|(1-z), |x|z, y)` for the loss, `max(sigmoid(x), sigmoid(-x))` for the gradient, so that mirror images, (x, z)
and (-x, 1-z), are measured alike. A subnormal result that was flushed to zero is not a distance: V6 records it and the
accuracy clauses leave it alone. Bounds hold in every dtype at its own precision. Below each stands how near to it a
public function came that conforms, in the published run: a bound that is far from everybody decides nothing.

**On probabilities** (chapter P) the argument is p in [0, 1] in place of the logit:

    loss(p, z)       = -z*log(p) - (1 - z)*log(1 - p)        with 0*log(0) = 0
    d loss / d p     = (p - z) / (p*(1 - p))

The largest term is `max(z max(|log p|, 1), (1-z) max(|log(1-p)|, 1))` for the loss, the 1 for that in `1 - p`, and
`max(z/p, (1-z)/(1-p))` for the gradient; mirror images, `(p, z)` and `(1-p, 1-z)`, have one scale. A function whose
documentation clamps the logarithm, or clips p to `[eps, 1 - eps]`, is held to the exact value of what it documents.
Where eps or 1 - eps is no number of the dtype, the documented number and the nearest one in the dtype are both
accepted. Of gradients where something is clamped no document says more than that they are finite, and no more is asked.

**In every configuration** (chapter C) a call is a row of a covering array: every two of its conditions that can be
together (dtypes of labels and weights, shape, layout of each operand and of the cotangent, weights, smoothing,
reduction, cotangent, what is differentiated, what came before, which second derivative) are together in some row. Its
logits and labels are drawn, its exact results come from ball arithmetic. A deviation is reduced to the fewest
conditions that show it: with any one of them plain, the call is right. Chapter C looks at functions of logits; where a
mode compiles anew for each shape it takes few shapes, and where that costs seconds every single condition in float32.
"""


def text(shares: Mapping[str, str] | None = None) -> str:
    """The whole document; ``shares`` tells for a clause how much of its bound was used by those who keep it."""
    parts = [_INTRODUCTION]
    for letter, chapter in CHAPTERS.items():
        parts.append(f"\n## {letter}: {chapter}\n")
        parts += [
            "".join(_clause(each, (shares or {}).get(each.id, ""))) for each in CLAUSES.values() if each.id[0] == letter
        ]
    return "".join(parts)


_SIZES = {"R1": "8", "R5": "8", "R2": "128", "R3": "10^7", "R6": "10^7"}


def _clause(clause: Clause, share: str) -> Iterator[str]:
    yield f"\n### {clause.id} ({clause.level})\n{clause.sentence}\n\n"
    yield f"- Reason: {clause.reason}\n- Source: {clause.source}\n"
    if clause.bound:
        size = f" for {_SIZES[clause.id]} elements" if clause.id in _SIZES else ""
        yield f"- Bound: {_told(clause.bound)}{size} ({clause.bound.derivation})\n"
    if share:
        yield f"- Nearest to it, and conforming: {share}\n"
    if clause.id == "R6":
        wide = careless_summation(10_000_000, 53)
        yield f"- Bound in float64: {_told(wide)} ({wide.derivation})\n"
    if clause.id in _SIZES:
        yield f"- Bound in float16 and bfloat16: {_told(HALF_SUMMATION)} ({HALF_SUMMATION.derivation})\n"


def _told(bound: Bound) -> str:
    return f"{bound.ulps:.10g} {bound.measure} ULP"

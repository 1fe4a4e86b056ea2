"""The traps of the operator: one logit each, with its right loss and gradient, and who falls in."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from conformance import operator
from conformance.report.merge import Merged
from conformance.report.standing import Standing


@dataclass(frozen=True)
class Trap:
    """One trap: a logit and a label, where it is tested, and what is usually done wrong."""

    name: str
    logit: float
    label: float
    clauses: tuple[str, ...]
    case: str
    dtype: str
    told: str


@dataclass(frozen=True)
class Sprung:
    """A trap with its right results and who falls in, with the modes."""

    trap: Trap
    loss: float
    gradient: float
    fallen: list[str]
    asked: int


_JUST_BELOW_ONE = 1 - 2.0**-24
TRAPS = (
    Trap("small loss", -17.0, 0.0, ("V3",), "values/confident-negative", "float32",
         "1 + e^-17 rounds to 1, and log(1) is 0: log1p keeps it"),
    Trap("small gradient", 20.0, 1.0, ("G2",), "gradients/float32-confident-positive", "float32",
         "sigmoid(20) rounds to 1, and sigmoid(x) - z to 0: -sigmoid(-x) keeps it"),
    Trap("overflow", -88.8, 1.0, ("V1", "V2", "G1", "G4"), "values/float32-exp-overflows", "float32",
         "e^88.8 is infinite in float32: only e^-|x| may be computed"),
    Trap("infinity", -math.inf, 0.0, ("V4",), "values/infinite-logits-hard-labels", "float32",
         "inf times a label's 0 is NaN: where the label agrees the loss is 0"),
    Trap("zero", 0.0, 0.0, ("G1", "G3"), "gradients/zero-logit-hard-labels", "float32",
         "the derivatives of |x| and max(x, 0) at 0 are a choice, and their sum must be sigmoid(0) - z"),
    Trap("soft label", 1e6, _JUST_BELOW_ONE, ("V1", "V2", "V3"), "values/float32-label-just-below-one", "float32",
         "x - x z cancels; x (1 - z) does not"),
    Trap("mean in half precision", 0.0, 0.0, ("R4",), "reductions/half-mean-of-zeros", "float16",
         "100,000 such losses: their sum is beyond 65,504, their mean is log 2; sum in float32"),
)  # fmt: skip


def traps(merged: Merged, who: Standing) -> list[Sprung]:
    """Every trap whose case was run."""
    wanted = {(trap.case, trap.dtype): trap for trap in TRAPS}
    fallen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    asked: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for check in merged.checks:
        subject = check["subject"]
        trap = wanted.get((check["case"], subject["dtype"]))
        if trap is None or check["clause"] not in trap.clauses or not who.counts(check):
            continue
        if check["outcome"] in ("unsupported", "no-data"):
            continue
        asked[trap.name].add((subject["adapter"], subject["implementation"]))
        if check["outcome"] != "conforms":
            fallen[trap.name][f"{subject['adapter']} {subject['implementation']}"].add(subject["mode"])
    return [_sprung(trap, fallen[trap.name], len(asked[trap.name])) for trap in TRAPS if asked[trap.name]]


def _sprung(trap: Trap, fallen: dict[str, set[str]], asked: int) -> Sprung:
    x, z = np.array([trap.logit]), np.array([trap.label])
    names = [f"{name} ({', '.join(sorted(modes))})" for name, modes in sorted(fallen.items())]
    return Sprung(trap, float(operator.loss(x, z)[0]), float(operator.gradient(x, z)[0]), names, asked)

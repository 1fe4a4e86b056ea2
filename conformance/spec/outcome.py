"""What a check can yield: a type for each outcome, never a flag; and the signatures of deviations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Measure = float | int | str | bool

# Worst first: where the elements of one case go wrong in several ways, the first one names the case.
SIGNATURES: dict[str, str] = {
    "nan": "NaN where the exact result is a number",
    "nan-lost": "a number where the exact result is NaN",
    "overflow": "an infinity where the exact result fits the dtype",
    "negative": "a negative loss where the exact one is not",
    "wrong-sign": "the sign of the result is wrong",
    "wrong-value": "more than half of the result is wrong, and not for want of a term that cancelled",
    "limit-lost": "a finite number where the limit is infinite",
    "lost-tail": "the small result is gone: zero, or wrong by half of it and more",
    "lost-bits": "bits lost to cancellation: within the scaled bound, beyond the result bound",
    "off-by-ulps": "beyond the scaled bound, by less than half of the result",
    "flushed": "a subnormal result became zero where that is not allowed",
    "not-exact": "not the number that the clause asks for to the bit",
    "wrong-divisor": "the mean divides by another number than its documentation says",
    "differs": "two evaluations that must agree do not",
    "depends-on-position": "an element's bits depend on its position or its neighbours",
    "changed-input": "an input tensor was changed",
    "wrong-shape": "the result has another shape",
    "wrong-dtype": "the result has another dtype",
    "truncated": "computed in, or returned as, a dtype that cannot hold the result",
    "no-error": "a number where an error is the only right answer",
    "not-differentiable": "an argument is taken for a constant: no derivative leads back to it",
    "wrong-device": "the result was computed on another device",
    "error": "the framework raised an error",
    "crashed": "the process that computed it died",
    "timeout": "the process that computed it gave no result in time, and was killed",
}


@dataclass(frozen=True)
class Worst:
    """The worst element of a case: flat index, inputs, and what came out. Exact values as hex text.

    ``logit`` holds the probability where the case has probabilities.
    """

    index: int
    logit: str
    label: str
    got: str
    exact: str
    result_ulp: float
    scaled_ulp: float


@dataclass(frozen=True)
class Conforms:
    """The clause holds."""

    measures: Mapping[str, Measure] = field(default_factory=dict)
    worst: Worst | None = None
    signature: str = ""
    name = "conforms"


@dataclass(frozen=True)
class Deviates:
    """The clause does not hold; ``signature`` says how, ``detail`` says it in a sentence.

    ``script`` shows it with the framework alone, where the case's own call does not.
    """

    signature: str
    detail: str
    measures: Mapping[str, Measure] = field(default_factory=dict)
    worst: Worst | None = None
    script: str = ""
    name = "deviates"

    def __post_init__(self) -> None:
        if self.signature not in SIGNATURES:
            raise ValueError(f"unknown signature {self.signature!r}")


@dataclass(frozen=True)
class Unsupported:
    """The implementation does not offer what the case needs, and says so."""

    reason: str
    signature: str = ""
    name = "unsupported"


@dataclass(frozen=True)
class Errored:
    """The framework raised where it had to compute."""

    detail: str
    signature: str = "error"
    name = "errored"


@dataclass(frozen=True)
class Crashed:
    """The process that ran the check died or hung."""

    detail: str
    signature: str = "crashed"
    name = "crashed"


@dataclass(frozen=True)
class NoData:
    """Nothing ran: the framework is missing, or does not start here."""

    reason: str
    signature: str = ""
    name = "no-data"


Outcome = Conforms | Deviates | Unsupported | Errored | Crashed | NoData

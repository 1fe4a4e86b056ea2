"""How bad it is: the worst element that a deviation shows, in numbers that can be read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from conformance.records.record import Record

# A law compares two results with each other: what stands there as exact is the other one. L7 knows the exact value.
_LAW, _LAW_WITH_ORACLE = "L", "L7"


@dataclass(frozen=True)
class Magnitude:
    """The worst element: what was computed and what is exact, as numbers, and where."""

    got: float
    exact: float
    logit: str
    label: str
    dtype: str
    ulp: float
    argument: str = "logit"  # or probability

    @property
    def relative(self) -> float:
        """``|got - exact| / |exact|``; infinite where there is no distance."""
        if self.got == self.exact:
            return 0.0
        if not math.isfinite(self.got) or not self.exact or not math.isfinite(self.exact):
            return math.inf
        return abs(self.got - self.exact) / abs(self.exact)

    @property
    def told(self) -> str:
        """In a line: got and exact, where, and how far apart."""
        place = f" at {self.argument} {self.logit}, label {self.label}" if self.logit else ""
        apart = ""
        if math.isfinite(self.relative):
            share = f"{100 * self.relative:.3g} %" if self.relative >= 1e-3 else f"{self.relative:.2g} relative"
            apart = f": {share}, {short(self.ulp)} ULP"
        got, exact = (f"{each:.9g}" for each in (self.got, self.exact))
        if got == exact and self.got != self.exact:
            got, exact = repr(self.got), repr(self.exact)
        return f"{got} for {exact}{place} ({self.dtype}){apart}"


def short(ulps: float) -> str:
    """A number of ULPs in at most four digits or a power of ten."""
    return f"{ulps:,.3g}" if ulps < 1e4 else f"{ulps:.1e}".replace("e+0", "e").replace("e+", "e")


def worst(checks: Iterable[Record]) -> Magnitude | None:
    """The worst of the checks' worst elements: what is not finite first, then by relative and absolute distance."""
    found = [_magnitude(check) for check in checks if _is_measured(check)]
    return max(found, key=_badness, default=None)


def _is_measured(check: Record) -> bool:
    return "worst" in check and (check["clause"][:1] != _LAW or check["clause"] == _LAW_WITH_ORACLE)


def _magnitude(check: Record) -> Magnitude:
    element = check["worst"]
    logit, label = (f"{_number(element[key]):.9g}" if element[key] else "" for key in ("logit", "label"))
    dtype, ulp = check["subject"]["dtype"], _number(element["result_ulp"])
    argument = "probability" if check["clause"][:1] == "P" else "logit"
    return Magnitude(_number(element["got"]), _number(element["exact"]), logit, label, dtype, ulp, argument)


def _badness(each: Magnitude) -> tuple[bool, float, float, bool, str, float]:
    broken = not math.isfinite(each.got) or not math.isfinite(each.relative)
    if broken:
        # Of what is not finite the nearest to an everyday logit says most.
        far = abs(_number(each.logit)) if each.logit else math.inf
        return True, 0.0, -far, each.dtype == "float32", each.dtype, 0.0
    distance = abs(each.got - each.exact)
    # A result that is gone altogether is as bad in every dtype: the largest one shows it best, in the commonest dtype.
    return False, min(each.relative, 1.0), distance, each.dtype == "float32", each.dtype, each.ulp


def _number(value: object) -> float:
    try:
        return value if isinstance(value, int | float) else _parsed(str(value))
    except (ValueError, OverflowError):
        return math.nan


def _parsed(text: str) -> float:
    """A float as hex or as a decimal."""
    return float.fromhex(text) if "0x" in text else float(text)

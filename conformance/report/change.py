"""A change between two runs: the same thing happening to checks, times or sweeps of one implementation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from conformance.arithmetic.dtype import DTYPES

KINDS = {
    "broken": "held before, deviates now",
    "surprising": "deviated as the ledger said before, and is unexpected now",
    "changed": "deviates in another way than before",
    "fixed": "deviated before, holds now",
    "worse": "further from the exact result",
    "better": "nearer to the exact result",
    "slower": "slower beyond the noise",
    "swept worse": "a sweep finds more results beyond the bound",
    "swept better": "a sweep finds fewer results beyond the bound",
    "swept otherwise": "a sweep finds other bits, and as many beyond the bound",
    "appeared": "not offered or not tested before",
    "vanished": "not offered or not tested any more",
}
REGRESSIONS = ("broken", "surprising", "slower", "swept worse")
_DTYPES = tuple(DTYPES)


@dataclass
class Change:
    """The same thing happening to checks of one implementation and clause."""

    kind: str
    adapter: str
    implementation: str
    clause: str
    level: str
    before: str
    after: str
    modes: set[str] = field(default_factory=set)
    dtypes: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    cases: Counter[str] = field(default_factory=Counter)
    moved: float = 0.0  # the largest change, in ULP

    @property
    def count(self) -> int:
        """How many checks."""
        return self.cases.total()

    @property
    def where(self) -> str:
        """Modes, dtypes and devices."""
        dtypes = sorted(self.dtypes, key=lambda name: _DTYPES.index(name) if name in _DTYPES else 99)
        return "; ".join(", ".join(each) for each in (sorted(self.modes), dtypes, sorted(self.devices)))

    @property
    def what(self) -> str:
        """From what to what."""
        if self.kind in ("worse", "better"):
            return f"by up to {self.moved:.3g} ULP"
        return f"{self.before} → {self.after}" if self.after else self.before

    @property
    def example(self) -> str:
        """One of the cases, and how many more."""
        (name, _), *_ = self.cases.most_common(1)
        return f"{name} and {len(self.cases) - 1} more" if len(self.cases) > 1 else name

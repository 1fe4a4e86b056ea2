"""The largest errors in float64 that a search finds: a lower bound of the worst, for nobody can try them all.

Logits are intervals of bit patterns. Each is halved, the halves are scored by the largest error of points drawn from
them, and the best go on until they are short enough to be tried point by point (Zimmermann et al., "Accuracy of
Mathematical Functions in Single, Double, Double Extended and Quadruple Precision", HAL hal-03141101, section 2.3).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from conformance.adapter import Array
from conformance.arithmetic.exact import Floats
from conformance.arithmetic.ulp import Kind, measure
from conformance.golden.grid import exact_at
from conformance.records.ledger import Ledger
from conformance.records.record import Record
from conformance.subjects.subject import Call, Runner
from conformance.sweep.classes import DISTANCES, LOST, NAN, NAN_LOST, OVERFLOW, half, name
from conformance.sweep.counter import LIMITS
from conformance.sweep.facts import unlisted
from conformance.sweep.grid import pattern_of

FARTHEST = 800.0  # beyond it the exact results are |x|, 1 or so near to zero that they round to it
BANDS = 128  # intervals at the start, and points of the curve; both signs together
BEST = 20  # intervals that go on
POINTS = 256  # drawn from each
SEED = 2025
Patterns = npt.NDArray[np.int64]  # negative for negative logits
_KINDS = {Kind.NAN: NAN, Kind.NAN_LOST: NAN_LOST, Kind.OVERFLOW: OVERFLOW, Kind.LIMIT_LOST: OVERFLOW}


@dataclass
class _Best:
    """The worst point so far, and the number of points tried."""

    ulp: float = -1.0
    logit: float = 0.0
    got: float = 0.0
    kind: int = 0
    tried: int = 0


def search(
    runner: Runner, ledger: Ledger, quantities: tuple[str, ...], labels: Sequence[str], told: Callable[[int, int], None]
) -> Record:
    """Search each quantity and label; a record like a sweep's, without counts.

    ``told`` hears of rounds and their number. Raises NotOffered, and what the framework raises.
    """
    jobs = [(quantity, label) for quantity in quantities for label in labels]
    rounds = pattern_of(FARTHEST, runner.dtype).bit_length() - int(np.log2(BANDS / 2)) - int(np.log2(POINTS)) + 2
    found, unexpected = [], []
    for place, (quantity, label) in enumerate(jobs):
        each, best = _searched(
            _Prober(runner, quantity, float(label)),
            label,
            lambda turn, place=place: told(place * rounds + turn, len(jobs) * rounds),  # type: ignore[misc]
        )
        found.append(each)
        if best.ulp > LIMITS[quantity] and unlisted(runner.subject, quantity, best.kind, ledger):
            unexpected.append(f"{quantity} for label {label}: {name(best.kind)}, {best.got!r} at logit {best.logit!r}")
    return {
        "record": "sweep",
        "subject": dataclasses.asdict(runner.subject),
        "options": {"quantities": list(quantities), "labels": ",".join(labels), "search": [BANDS, BEST, POINTS, SEED]},
        "complete": True,
        "found": found,
        "unexpected": unexpected,
    }


class _Prober:
    """Errors of one quantity for one label at any logits."""

    def __init__(self, runner: Runner, quantity: str, label: float) -> None:
        self.runner, self.quantity, self.label = runner, quantity, label
        self.best = _Best()

    def __call__(self, patterns: Patterns) -> Floats:
        """Result ULP at each; infinite for what is no distance."""
        logits = _logits(patterns)
        exact = exact_at(logits, np.array([self.label]))[self.quantity]
        got = self._computed(logits).astype(np.float64)
        errors = measure(got, exact, np.zeros_like(got), self.runner.dtype)
        ulps = np.where(errors.kind == Kind.FLUSHED, 0.0, errors.result_ulp)
        self.best.tried += len(ulps)
        worst = int(np.argmax(ulps))
        if ulps[worst] > self.best.ulp:
            kind = _KINDS.get(Kind(errors.kind[worst])) or self._class(float(ulps[worst]))
            self.best = _Best(float(ulps[worst]), float(logits[worst]), float(got[worst]), kind, self.best.tried)
        return np.asarray(ulps)

    def _computed(self, logits: Floats) -> Array:
        operands = {"logits": logits, "labels": np.full_like(logits, self.label)}
        if self.quantity == "loss":
            return self.runner.run(Call(operands))
        return self.runner.run(Call({**operands, "cotangent": np.ones_like(logits)}), "gradient")

    def _class(self, ulp: float) -> int:
        if ulp > half(self.runner.dtype):
            return LOST
        return min(DISTANCES - 1, max(0, int(np.ceil(np.log2(max(ulp, 0.5)))) + 1))


def _searched(probe: _Prober, label: str, told: Callable[[int], None]) -> tuple[dict[str, Any], _Best]:
    generator = np.random.default_rng(SEED)
    farthest = pattern_of(FARTHEST, probe.runner.dtype)
    edges = np.linspace(-farthest, farthest, BANDS + 1).astype(np.int64)
    low, high = edges[:-1], edges[1:]
    scores = _scores(probe, generator, low, high)
    curve = {f"0x{_bits(int(start)):016x}": score for start, score in zip(low, scores, strict=True)}
    turn = 0
    while (high - low).max() > POINTS:
        told(turn := turn + 1)
        kept = np.argsort(-scores, kind="stable")[:BEST]
        low, high = low[kept], high[kept]
        middle = low + (high - low) // 2
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        scores = _scores(probe, generator, low, high)
    for start, stop in zip(low, high, strict=True):
        probe(np.arange(start, stop + 1))
    best = probe.best
    return {
        "quantity": probe.quantity,
        "label": label,
        "limit_ulp": LIMITS[probe.quantity],
        "elements": best.tried,
        "counts": {},
        "balls": best.tried,
        **_told(probe),
        "curve": curve,
    }, best


def _told(probe: _Prober) -> dict[str, Any]:
    """The worst distance, or a region of one element where the worst is none."""
    best = probe.best
    texts = {
        key: f"0x{pattern_of(value, probe.runner.dtype):016x}"
        for key, value in (("logit", best.logit), ("label", probe.label), ("got", best.got))
    }
    if math.isfinite(best.ulp):
        return {"worst": {"ulp": best.ulp, **texts}, "regions": []}
    ends = {"first": texts["logit"], "last": texts["logit"], "worst": {"ulp": 0.0, **texts}}
    side = "negative" if best.logit < 0 else "positive"
    return {"regions": [{"class": name(best.kind), "logits": side, **ends}]}


def _scores(probe: _Prober, generator: np.random.Generator, low: Patterns, high: Patterns) -> Floats:
    """The largest error of points drawn from each interval, all put to the implementation at once."""
    drawn = generator.integers(low, np.maximum(high, low + 1), (POINTS, len(low)))
    return np.asarray(np.minimum(probe(drawn.reshape(-1)).reshape(drawn.shape).max(axis=0), 1e300))


def _logits(patterns: Patterns) -> Floats:
    return np.copysign(np.abs(patterns).view(np.float64), patterns.astype(np.float64))


def _bits(pattern: int) -> int:
    return pattern if pattern >= 0 else (1 << 63) | -pattern

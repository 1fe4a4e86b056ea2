"""Medians and their intervals, and the verdict of a duel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conformance.exact import Floats

MARGIN = 0.03  # a difference that nobody would change a line of code for
RESAMPLES = 4000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """How many times the first's time the second takes, with an interval."""

    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Of the second against the first: 'faster', 'slower', 'same' (within MARGIN), or 'inconclusive'."""
        edge = 1 + MARGIN
        if self.high < 1 / edge:
            return "faster"
        if self.low > edge:
            return "slower"
        return "same" if 1 / edge <= self.low and self.high <= edge else "inconclusive"


def median_interval(samples: Sequence[float]) -> tuple[float, float, float]:
    """Median, and a distribution-free interval of CONFIDENCE around it from the order statistics.

    Ranks by the normal approximation of the binomial (Hoefler and Belli, "Scientific Benchmarking of Parallel
    Computing Systems", SC 2015, section 3.1.3); the extremes where there are fewer than six samples.
    """
    ordered = sorted(samples)
    count = len(ordered)
    reach = 1.96 * math.sqrt(count) / 2
    low = max(0, math.floor(count / 2 - reach))
    high = min(count - 1, math.ceil(count / 2 + reach))
    return float(np.median(ordered)), ordered[low], ordered[high]


def ratio_of_medians(first: Floats, second: Floats, seed: int = 0) -> Ratio:
    """The ratio of the medians of two arms, with a percentile interval of a hierarchical bootstrap.

    Both arrays (processes, rounds) hold seconds a call; a round's two figures were taken next to each other, so they
    are drawn together. Processes are drawn first, then rounds in each (Kalibera and Jones, "Rigorous Benchmarking in
    Reasonable Time", ISMM 2013): what differs between processes counts as noise.
    """
    generator = np.random.default_rng(seed)
    processes, rounds = first.shape
    outer = generator.integers(0, processes, (RESAMPLES, processes, 1))
    inner = generator.integers(0, rounds, (RESAMPLES, processes, rounds))
    drawn = [np.median(arm[outer, inner].reshape(RESAMPLES, -1), axis=1) for arm in (first, second)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn[1] / drawn[0], (tail, 1 - tail))
    return Ratio(float(np.median(second) / np.median(first)), float(low), float(high))

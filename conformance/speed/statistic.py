"""Medians and their intervals, and the verdict of a duel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conformance.arithmetic.exact import Floats

MARGIN = 0.03  # a difference that nobody would change a line of code for
RESAMPLES = 4000
CONFIDENCE = 0.95
_NORMAL = 1.96  # two-sided quantiles of CONFIDENCE
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # by degrees of freedom


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
    reach = _NORMAL * math.sqrt(count) / 2
    low = max(0, math.floor(count / 2 - reach))
    high = min(count - 1, math.ceil(count / 2 + reach))
    return float(np.median(ordered)), ordered[low], ordered[high]


def paired_ratio(first: Floats, second: Floats, seed: int = 0) -> Ratio:
    """The second arm's time over the first's, with a percentile interval of a hierarchical bootstrap.

    Both arrays (processes, rounds) hold seconds a call; a round's two figures were taken within a moment, so what the
    machine did then is in both. The ratio is the median over the rounds of a process, and the geometric
    mean over processes. Processes are drawn first, then rounds in each (Kalibera and Jones, "Rigorous Benchmarking in
    Reasonable Time", ISMM 2013): what differs between processes counts as noise. The interval of few processes is too
    narrow by what Student's t has over the normal distribution, and is widened by that (Hesterberg, "What Teachers
    Should Know About the Bootstrap", The American Statistician 69, 2015, section 4.1).
    """
    generator = np.random.default_rng(seed)
    logs = np.log(second / first)
    processes, rounds = logs.shape
    outer = generator.integers(0, processes, (RESAMPLES, processes, 1))
    inner = generator.integers(0, rounds, (RESAMPLES, processes, rounds))
    drawn = np.median(logs[outer, inner], axis=2).mean(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    ratio, wider = float(np.median(logs, axis=1).mean()), _expansion(processes)
    ends = (ratio + wider * min(0.0, low - ratio), ratio + wider * max(0.0, high - ratio))
    return Ratio(math.exp(ratio), *map(math.exp, ends))


def _expansion(processes: int) -> float:
    """How much wider the interval of so many processes must be than a bootstrap has it."""
    freedom = processes - 1
    student = _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else _NORMAL * (1 + 1.5 / freedom)
    return student / _NORMAL * math.sqrt(processes / freedom)

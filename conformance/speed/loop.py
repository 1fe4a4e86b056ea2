"""A call repeated: how often for a round that a clock can measure, and when it has warmed up."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

STABLE = 0.05  # three rounds in a row within this share of the fastest of them
WARM_UP = 1.0  # seconds after which even an unsteady call counts as warm
MOST_CALLS = 1 << 20


class Loop:
    """``calls`` calls in a row are a round, of at least ``least`` seconds."""

    def __init__(self, call: Callable[[], Any], least: float = 0.002) -> None:
        self.call, self.least, self.calls = call, least, 1

    def __call__(self) -> None:
        """One round."""
        call = self.call
        for _ in itertools.repeat(None, self.calls):
            call()

    def timed(self) -> float:
        """Seconds a call, from one round."""
        start = time.perf_counter()
        self()
        return (time.perf_counter() - start) / self.calls

    def warm_up(self, seconds: float = WARM_UP) -> float:
        """Find ``calls`` and repeat until the rounds are steady; returns the last one's seconds a call."""
        end = time.perf_counter() + seconds
        while (each := self.timed()) * self.calls < self.least and self.calls < MOST_CALLS:
            self.calls = min(MOST_CALLS, max(2 * self.calls, int(1.2 * self.least / max(each, 1e-9))))
        last = [each]
        while time.perf_counter() < end:
            last = [*last[-2:], self.timed()]
            if len(last) == 3 and max(last) <= (1 + STABLE) * min(last):
                break
        return last[-1]


class Clock:
    """A timer for pytest-benchmark that counts in seconds a call, where a round is many calls."""

    calls = 1

    def __call__(self) -> float:
        """Differences between two of these are seconds a call."""
        return time.perf_counter() / self.calls


CLOCK = Clock()

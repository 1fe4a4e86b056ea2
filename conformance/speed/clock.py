"""The clock: this process's own, which nothing that is timed can reach, in seconds a call."""

from __future__ import annotations

import time

NOT_TIMED = "not timed: "  # before the reason why, in a skipped trial


class Clock:
    """A timer for pytest-benchmark, where a round is many calls."""

    calls = 1

    def __call__(self) -> float:
        """Differences between two of these are seconds a call."""
        return time.perf_counter() / self.calls


CLOCK = Clock()

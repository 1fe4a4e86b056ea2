"""Results of earlier calls, read again after later ones: memory that is used again is seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from conformance.adapter import Array, Tensor

_CALLS = 16  # for so many a result is kept, and read a last time
_MOST = 1 << 16  # elements of a result that is kept


class ResultChanged(Exception):
    """A result that is no longer what it was."""


@dataclass
class Lookback:
    """The last results of one implementation that was brought along."""

    _kept: deque[tuple[Tensor, Array]] = field(default_factory=deque)

    def look(self, fetch: Callable[[Tensor], Array], result: Tensor, got: Array) -> None:
        """Read the result before this one again, and the oldest. Raises ResultChanged."""
        again = list(self._kept)[-1:]
        if len(self._kept) == _CALLS:
            again.append(self._kept.popleft())
        for tensor, seen in again:
            if fetch(tensor).tobytes() != seen.tobytes():
                self._kept.clear()
                raise ResultChanged("the result of an earlier call has other bits by now: its memory was used again")
        if got.size <= _MOST:
            self._kept.append((result, np.array(got)))

    def forget(self) -> None:
        """Let go of all, as when the process that held them has died."""
        self._kept.clear()

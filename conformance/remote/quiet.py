"""Warnings that are not ours to show: what a framework says to its own developers while it is imported or tried."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

# Modules whose warnings stay what they are: the suite's own, adapters, and implementations that were brought along.
_OURS = r"(?!conformance\b|_conformance_)"


@contextlib.contextmanager
def frameworks_hushed() -> Iterator[None]:
    """Ignore warnings inside, but for those of the suite, of adapters and of what a user brought along."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=_OURS)
        yield

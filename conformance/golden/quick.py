"""The quick part of the suite: cases, each with some dtypes, that still fail every wrong implementation in the tests.

``tests/quick.py`` chooses them from the kill matrix of the miniatures and stores them in cases/quick.json.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping

from conformance.storage import content

FILE = "quick.json"


@functools.cache
def part() -> Mapping[str, frozenset[str]]:
    """The dtypes in which each case of the quick part is heard."""
    stored = json.loads((content.folder("cases") / FILE).read_text(encoding="utf-8"))
    return {case: frozenset(dtypes) for case, dtypes in stored.items()}


def holds(case: str, dtype: str) -> bool:
    """True if the quick part hears a case in a dtype."""
    return dtype in part().get(case, ())

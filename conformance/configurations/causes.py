"""From rows that fail to the fewest factors that show it: delta debugging over the factors of a row.

A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE Trans. Softw. Eng. 28(2), 2002:
what is left fails, and with any one of its factors plain it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from conformance.configurations.factors import DEFAULTS, Row, mended, said
from conformance.configurations.judgement import Finding

Check = Callable[[Row], Finding | None]
MOST = 4  # causes of one check that are looked for: each costs as many calls as a few dozen rows


@dataclass(frozen=True)
class Cause:
    """The factors that it takes, and what is wrong then."""

    factors: tuple[tuple[str, str], ...]
    finding: Finding
    origin: Row  # the row of the array that led here: its numbers show it

    def explains(self, row: Row) -> bool:
        """True if the row has all of them."""
        return all(row[name] == value for name, value in self.factors)

    def sentence(self, dtype: str) -> str:
        """When it is wrong, in words, for a subject of the dtype."""
        parts = [said(name, value, dtype) for name, value in self.factors]
        if not parts:
            return "in the plainest call"
        return f"when {' and '.join(parts)}"


def causes(failing: Iterable[Row], plain: Row, check: Callable[[Row, Row], Finding | None]) -> Iterator[Cause]:
    """Different causes of rows that fail, until each row has one of them.

    ``plain`` is the plainest call of the subject, and ``check(row, origin)`` says what is wrong with a row.
    """
    found: list[Cause] = []
    for row in failing:
        if len(found) == MOST or any(each.explains(row) for each in found):
            continue
        cause = reduced(row, plain, lambda each, origin=row: check(each, origin))  # type: ignore[misc]
        if cause is not None:
            found.append(cause)
            yield cause


def reduced(row: Row, plain: Row, check: Check) -> Cause | None:
    """The row with every factor plain that need not be otherwise; None if it does not fail any more."""
    finding, origin = check(row), row
    if finding is None:
        return None
    again = True
    while again:
        again = False
        for name, value in plain.items():
            simpler = mended({**row, name: value})
            if simpler != row and row[name] != value and (found := check(simpler)) is not None:
                row, finding, again = simpler, found, True
    return Cause(
        tuple((name, value) for name, value in row.items() if value not in (plain[name], DEFAULTS[name])),
        finding,
        origin,
    )

"""Covering arrays: rows in which every combination of any so many values occurs at least once.

Most faults of software need no more than two or three conditions together (Kuhn, Kacker and Lei, "Practical
Combinatorial Testing", NIST SP 800-142, 2010). covertable makes the rows; its own way to keep apart what cannot be
together takes half a minute where this takes half a second: rows are mended, and what they lost thereby is added.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence

import covertable

from conformance.configurations.factors import DEFAULTS, FACTORS, Row, Values, mended

Combination = tuple[tuple[str, str], ...]  # factors, each with a value

_FREE = ("inputs", "reduction", "smoothing")


def covering(values: Mapping[str, Values], strength: int, seed: int = 0) -> tuple[Row, ...]:
    """The plain call, then rows with every combination of ``strength`` values that can be together."""
    return _covering(tuple(values.items()), strength, seed)


@functools.cache
def _covering(values: tuple[tuple[str, Values], ...], strength: int, seed: int) -> tuple[Row, ...]:
    plain = {name: each[0] for name, each in values}
    several = {name: list(each) for name, each in values if len(each) > 1}
    strength = min(strength, len(several))
    made = covertable.make(several, strength=strength, salt=str(seed)) if several else []
    rows = [plain, *(mended({**plain, **each}) for each in made)]
    rows += _completion(rows, several, plain, strength)
    return tuple({tuple(row[name] for name in DEFAULTS): row for row in rows}.values())


def missing(rows: Sequence[Row], values: Mapping[str, Sequence[str]], strength: int) -> Iterator[Combination]:
    """The combinations that can be together and are in no row."""
    for factors in itertools.combinations(values, strength):
        seen = {tuple(row[name] for name in factors) for row in rows}
        for choice in itertools.product(*(values[name] for name in factors)):
            if choice not in seen and _together(combination := tuple(zip(factors, choice, strict=True)), values):
                yield combination


def _together(combination: Combination, values: Mapping[str, Sequence[str]]) -> bool:
    return _holds(_with(DEFAULTS, combination, values), combination)


def _completion(rows: Sequence[Row], values: Mapping[str, Sequence[str]], plain: Row, strength: int) -> list[Row]:
    """Rows for what is missing, each with as much of it as can be together."""
    left = list(missing(rows, values, strength))
    found: list[Row] = []
    while left:
        # The first one that is left is in the row, so that their number falls.
        base = {**plain, **_varied(len(found), values, dict(left[0]))}
        base = base if _holds(_with(base, left[0], values), left[0]) else plain
        row, taken = base, dict[str, str]()
        for combination in left:
            if all(taken.get(name, value) == value for name, value in combination):
                grown = {**taken, **dict(combination)}
                trial = _with(base, tuple(grown.items()), values)
                if _holds(trial, tuple(grown.items())):
                    row, taken = trial, grown
        found.append(row)
        left = [each for each in left if not _holds(row, each)]
    return found


def _varied(index: int, values: Mapping[str, Sequence[str]], fixed: Mapping[str, str]) -> dict[str, str]:
    """Values for what a completing row leaves free. Were they plain, triples with smoothing or a sum would be rare."""
    found, places = {}, index
    for name in _FREE:
        if name in values and name not in fixed:
            places, at = divmod(places, len(values[name]))
            found[name] = values[name][at]
    return found


def _with(plain: Row, combination: Combination, values: Mapping[str, Sequence[str]]) -> Row:
    """The plain row with a combination, and with what some value of it needs."""
    row = {**plain, **dict(combination)}
    fixed = {name for name, _ in combination}
    for name, value in combination:
        for other, needed in _NEEDS.get((name, value), {}).items():
            if other not in fixed and needed in values.get(other, ()):
                row[other] = needed
    return mended(row)


def _holds(row: Row, combination: Combination) -> bool:
    return all(row[name] == value for name, value in combination)


# What a value needs beside it that is not the plain value of another factor.
_NEEDS: Mapping[tuple[str, str], Mapping[str, str]] = {
    **{(f"{name} layout", "channels_last"): {"shape": "pixels"} for name in ("logits", "labels")},
    **{
        (f"{name} layout", view): {name: "full"}
        for name in ("weight", "pos_weight")
        for view in FACTORS[f"{name} layout"][1:]
    },
    ("weight dtype", "other"): {"weight": "full"},
    ("pos_weight dtype", "other"): {"pos_weight": "full"},
    ("asked", "weights"): {"weight": "full"},
}

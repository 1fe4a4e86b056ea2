"""The numbers that a row is given: drawn anew for each row, dense where formulas change over.

A pool holds a prime number of elements, which an operand repeats in its own order, so that large operands have few
different elements and neighbours differ in every row and column.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass

import numpy as np

from conformance.arithmetic.dtype import DTYPES, Dtype
from conformance.arithmetic.exact import Floats
from conformance.golden import grid
from conformance.subjects.subject import native

POOL = 61
_NAN_AT, _ZERO_AT = 17, 29
_NEIGHBOURS = 3  # steps of the dtype on either side of a turning point
# Beyond its largest number divided by this a weighted loss, or a sum of a few, leaves the dtype.
_HEADROOM = {"float64": 2.0**40, "float32": 2.0**24, "float16": 2.0**8, "bfloat16": 2.0**24}
# Alone, a loss is no larger than its logit, and its derivative by the labels, times a cotangent, than three times it.
_HEADROOM_ALONE = _HEADROOM | {"float16": 2.0**3}


@dataclass(frozen=True)
class Pool:
    """``POOL`` numbers of each operand, exact in the dtype that the operand will have."""

    logits: Floats
    labels: Floats
    weight: Floats
    pos_weight: Floats
    cotangent: Floats
    direction: Floats


@functools.lru_cache(4096)
def pool(kind: str, key: str, seed: int, dtype: str, hard: bool, alone: bool = False) -> Pool:
    """The numbers of a row: ``kind`` is a value of the factor "inputs", ``key`` tells rows apart.

    ``alone`` says that no weight and no reduction makes a loss larger.
    """
    headroom = (_HEADROOM_ALONE if alone else _HEADROOM)[dtype]
    random = np.random.default_rng([seed, zlib.crc32(f"{kind} {key} {dtype}".encode())])
    drawn = {
        "everyday": lambda: _everyday(random),
        "nan": lambda: _everyday(random),
        "tails": lambda: _tails(random, DTYPES[dtype]),
        "anywhere": lambda: _anywhere(random, DTYPES[dtype], headroom),
    }
    logits = _rounded(drawn[kind](), dtype)
    if kind == "nan":
        logits[_NAN_AT] = np.nan
    return Pool(
        logits,
        _labels(random, dtype, hard),
        random.uniform(0.25, 4, POOL),
        random.uniform(0.25, 8, POOL),
        random.uniform(0.25, 3, POOL) * random.choice((-1, 1), POOL),
        random.uniform(0.5, 2, POOL),
    )


def _everyday(random: np.random.Generator) -> Floats:
    return random.normal(0, 4, POOL)


def _tails(random: np.random.Generator, dtype: Dtype) -> Floats:
    """Both sides of where exp and log1p over- and underflow, and between them."""
    turns: Floats = grid.grid(dtype).logits
    turns = turns[(np.abs(turns) > 2) & (np.abs(turns) <= _last(dtype))]
    sizes = random.uniform(2, _last(dtype), POOL) * random.choice((-1, 1), POOL)
    near = random.choice(turns, POOL)
    spacing = np.maximum(np.abs(near), 1) * 2.0 ** (1 - dtype.precision)
    near = near + spacing * random.integers(-_NEIGHBOURS, _NEIGHBOURS + 1, POOL)
    return np.asarray(np.where(random.random(POOL) < 0.4, near, sizes), np.float64)


def _last(dtype: Dtype) -> float:
    """Beyond this logit the tail of the loss rounds to zero."""
    return min(750.0, 1.1 * float(np.log(2.0)) * (1 - dtype.emin + dtype.precision))


def _anywhere(random: np.random.Generator, dtype: Dtype, headroom: float) -> Floats:
    """Sizes of every binade alike, beside powers of two and their neighbours."""
    largest = np.log2(float(dtype.largest) / headroom)
    exponents = random.uniform(dtype.emin, largest, POOL)
    exponents[::3] = random.uniform(-4, 12 if largest > 12 else largest, len(exponents[::3]))
    sizes = 2.0**exponents
    whole = 2.0 ** np.floor(exponents)
    sizes = np.where(
        random.random(POOL) < 0.3, whole * (1 + random.integers(-1, 2, POOL) * 2.0**-dtype.precision), sizes
    )
    logits = np.asarray(sizes * random.choice((-1, 1), POOL), np.float64)
    logits[_ZERO_AT] = 0.0  # not among the everyday ones: who errs there would be seen to err everywhere
    return logits


def _labels(random: np.random.Generator, dtype: str, hard: bool) -> Floats:
    if hard:
        return random.integers(0, 2, POOL).astype(np.float64)
    soft = _rounded(random.random(POOL), dtype)
    kinds = random.random(POOL)
    ends = random.integers(0, 2, POOL).astype(np.float64)
    near = np.abs(ends - 2.0 ** -random.integers(2, 12, POOL))
    return np.where(kinds < 0.4, ends, np.where(kinds < 0.85, soft, near))


def _rounded(values: Floats, dtype: str) -> Floats:
    return native(values, DTYPES[dtype]).astype(np.float64)

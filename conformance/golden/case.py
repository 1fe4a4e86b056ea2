"""One golden case: its idea, its inputs as text, and the proven results that were generated from them.

The format is described in cases/README.md; collection.py reads it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Exact, Real, real
from conformance.arithmetic.number import float_text, rounded
from conformance.errors import ContentError

# What an element of a case consists of, in the order of a golden row.
OPERANDS = ("logits", "labels", "weight", "pos_weight", "cotangent")
DEFAULTS = {"weight": 1.0, "pos_weight": 1.0, "cotangent": 1.0}
STALE = "run `python -m conformance prove` to prove it anew"

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Golden:
    """The proven rows of one dtype: inputs (as float64, exact) to the index of their results."""

    rows: Mapping[tuple[str, ...], int]
    quantities: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Law:
    """Where Hypothesis draws the inputs of a law from."""

    examples: int
    elements: int
    logits: tuple[float, float]
    labels: str


@dataclass(frozen=True, eq=False)
class Case:
    """A golden case. ``id`` is its path under cases/ without the suffix."""

    id: str
    path: Path
    idea: str
    source: str
    clauses: tuple[str, ...]
    flags: tuple[str, ...]
    dtypes: tuple[str, ...]
    texts: Mapping[str, npt.NDArray[np.object_]]  # operand name to its array of number texts
    label_smoothing: str = "0"
    reductions: tuple[str, ...] = ("none",)
    repeat: int = 1
    layout: str = "contiguous"
    mismatch: str = ""
    label_dtype: str = ""
    logit_dtype: str = ""
    law: Law | None = None
    configurations: str = ""  # the kind of input of its rows: a value of the factor "inputs"
    ignore_index: int | None = None
    links: tuple[str, ...] = ()
    golden: Mapping[str, Golden] = field(default_factory=dict)

    @property
    def chapter(self) -> str:
        """The folder under cases/."""
        return self.id.split("/", 1)[0]

    @property
    def drawn(self) -> bool:
        """True if it has no inputs of its own: they are drawn."""
        return self.law is not None or bool(self.configurations)

    @property
    def elementwise(self) -> bool:
        """True if only the elements matter: such cases of one dtype share one tensor."""
        special = (self.label_smoothing != "0", self.repeat != 1, self.layout != "contiguous", self.mismatch)
        mixed = (self.label_dtype, self.logit_dtype, self.drawn, self.reductions != ("none",))
        if self.ignore_index is not None:
            return False
        chapters = ("values", "gradients", "weights", "dtypes", "probabilities")
        return self.chapter in chapters and not any(special + mixed)

    @property
    def argument(self) -> str:
        """What an implementation must take for this case: 'logits' or 'probabilities'."""
        return "probabilities" if "probabilities" in self.texts else "logits"

    @property
    def operands(self) -> tuple[str, ...]:
        """What an element consists of: OPERANDS, with ``argument`` in the first place."""
        return (self.argument, *OPERANDS[1:])

    @property
    def bare(self) -> bool:
        """True if there is nothing but the argument and its labels."""
        return set(self.texts) == {self.argument, "labels"}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the logits, or probabilities."""
        return self.texts[self.argument].shape

    def operand(self, name: str, dtype: Dtype) -> Values:
        """The operand rounded to nearest even in ``dtype``, held exactly in float64, in its own shape."""
        return _rounded(self, name, dtype)

    @property
    def hard_labels(self) -> bool:
        """True if every label is 0 or 1, or ignored."""
        hard = ("0", "1") if self.ignore_index is None else ("0", "1", str(self.ignore_index))
        return all(text in hard for text in self.texts["labels"].flat)

    def ignored(self, dtype: Dtype) -> npt.NDArray[np.bool_]:
        """Which labels are the ignored one, in their own shape."""
        labels = self.operand("labels", dtype)
        return labels == self.ignore_index if self.ignore_index is not None else np.zeros(labels.shape, np.bool_)

    @property
    def finite(self) -> bool:
        """True if no operand is infinite or NaN."""
        specials = ("inf", "-inf", "+inf", "nan")
        return not any(text in specials for array in self.texts.values() for text in array.flat)

    def elements(self, dtype: Dtype) -> Iterator[tuple[float, ...]]:
        """The elements, operands broadcast together, as tuples in the order of ``operands``.

        One that is ignored counts as one with label 0 and weight 0.
        """
        given = ((name, name in self.texts) for name in self.operands)
        arrays = [self.operand(name, dtype) if there else np.float64(DEFAULTS[name]) for name, there in given]
        if self.ignore_index is not None:
            off = self.ignored(dtype)
            arrays[1:3] = (np.where(off, 0.0, each) for each in arrays[1:3])
        return zip(*(array.flat for array in np.broadcast_arrays(*arrays)), strict=True)

    def exact(self, quantity: str, dtype: Dtype) -> Exact:
        """The proven results, one an element in C order. Raises ContentError if the golden is stale."""
        return _exact(self, quantity, dtype)

    def reals(self, quantity: str, dtype: Dtype) -> list[Real]:
        """The proven results as exact rationals, one an element in C order."""
        proven = _proven(self, quantity, dtype)
        return [proven[index] for index in self._indices(dtype)]

    @functools.cache  # noqa: B019 - cases live as long as the process
    def _indices(self, dtype: Dtype) -> list[int]:
        rows = self._golden(dtype).rows
        try:
            return [rows[row_key(element)] for element in self.elements(dtype)]
        except KeyError as missing:
            raise ContentError(self.path, f"golden.{dtype.name}", f"no row for {missing}", STALE) from missing

    def _golden(self, dtype: Dtype) -> Golden:
        if dtype.name not in self.golden:
            raise ContentError(self.path, "golden", f"no results for {dtype.name}", STALE)
        return self.golden[dtype.name]


def row_key(element: tuple[float, ...]) -> tuple[str, ...]:
    """A golden row's inputs as hex text."""
    return tuple(float_text(float(value)) for value in element)


@functools.cache
def _rounded(case: Case, name: str, dtype: Dtype) -> Values:
    texts = case.texts[name]
    return np.array([rounded(str(text), dtype) for text in texts.flat], np.float64).reshape(texts.shape)


@functools.cache
def _exact(case: Case, quantity: str, dtype: Dtype) -> Exact:
    indices = np.array(case._indices(dtype), np.intp)
    return Exact.of(_proven(case, quantity, dtype))[indices]


def _proven(case: Case, quantity: str, dtype: Dtype) -> list[Real]:
    try:
        return [real(text) for text in case._golden(dtype).quantities[quantity]]
    except ValueError as error:
        raise ContentError(case.path, f"golden.{dtype.name}", str(error), STALE) from None

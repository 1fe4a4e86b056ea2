"""One golden case: its idea, its inputs as text, and the proven results that were generated from them.

The format is described in cases/README.md.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from conformance import content, intake, probability, proof, written
from conformance.ball import NotProven
from conformance.dtype import DTYPES, Dtype
from conformance.errors import ContentError
from conformance.exact import Exact, Real, real
from conformance.number import float_text, parse, rounded
from conformance.schema import validate

# What an element of a case consists of, in the order of a golden row.
OPERANDS = ("logits", "labels", "weight", "pos_weight", "cotangent")
QUANTITIES = {"logits": proof.QUANTITIES, "probabilities": probability.QUANTITIES}  # proven, by the first operand
DEFAULTS = {"weight": 1.0, "pos_weight": 1.0, "cotangent": 1.0}
GOLDEN_MARK = "# --- Proven by `python -m conformance prove`. Do not edit below this line. ---"

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


STALE = "run `python -m conformance prove` to prove it anew"


def row_key(element: tuple[float, ...]) -> tuple[str, ...]:
    """A golden row's inputs as hex text."""
    return tuple(float_text(float(value)) for value in element)


def prove_element(case: Case, element: tuple[float, ...]) -> dict[str, str]:
    """The quantities of one element as text, proven. Raises NotProven."""
    if case.argument == "probabilities":
        return probability.prove(probability_element(element))
    logit, label, weight, pos_weight, cotangent = (_to_real(value) for value in element)
    smoothing = Fraction(case.label_smoothing)
    return proof.prove(proof.Element(logit, label, weight, pos_weight, cotangent, smoothing))


def probability_element(element: tuple[float, ...]) -> probability.Element:
    """The exact inputs of one element whose first operand is a probability. Raises NotProven if one is infinite."""
    if not all(map(math.isfinite, element)):
        raise NotProven("infinite weights and cotangents are not supported")
    p, label, weight, _, cotangent = map(Fraction, element)
    return probability.Element(p, label, weight, cotangent)


def seal(body: str) -> str:
    """The hash that a file's golden part carries: SHA-256 of all that follows the line with the hash."""
    return hashlib.sha256(body.encode()).hexdigest()


def load(path: Path, root: Path | None = None, *, sealed: bool = True) -> Case:
    """Read one case file. Raises ContentError naming file and entry.

    A golden part that was changed by hand is refused, unless ``sealed`` is False: it is about to be proven anew.
    """
    return loads(intake.text(path, "name an existing TOML file"), path, root, sealed=sealed)


def loads(text: str, path: Path, root: Path | None = None, *, sealed: bool = True) -> Case:
    """The case in a file's text, as ``load`` gives it."""
    root = root or content.folder("cases")
    raw = intake.toml(text, path)
    validate(raw, "case", path)
    if sealed:
        _require_seal(raw, text, path)
    data = raw.get("input", {})
    try:
        texts = _texts(data, path)
    except ValueError as error:
        raise ContentError(path, "input", str(error), "numbers are decimal or hex-float strings") from None
    law = raw.get("law")
    goldens = raw.get("golden", {}).items()
    return Case(
        id=path.relative_to(root).with_suffix("").as_posix(),
        path=path,
        idea=raw["idea"],
        source=raw["source"],
        links=tuple(raw.get("links", ())),
        clauses=tuple(raw["clauses"]),
        flags=tuple(raw["flags"]),
        dtypes=tuple(raw.get("dtypes", DTYPES)),
        texts=texts,
        label_smoothing=data.get("label_smoothing", "0"),
        reductions=tuple(data.get("reductions", ("none",))),
        repeat=int(data.get("repeat", 1)),
        layout=data.get("layout", "contiguous"),
        mismatch=data.get("mismatch", ""),
        ignore_index=int(data["ignore_index"]) if "ignore_index" in data else None,
        label_dtype=data.get("label_dtype", ""),
        logit_dtype=data.get("logit_dtype", ""),
        law=Law(int(law["examples"]), int(law["elements"]), tuple(law["logits"]), law["labels"]) if law else None,
        configurations=raw.get("configurations", {}).get("inputs", ""),
        golden={name: _read_golden(rows, name, texts, path) for name, rows in goldens if name in DTYPES},
    )


@functools.cache
def load_all() -> tuple[Case, ...]:
    """Every case in cases/, sorted by id."""
    return tuple(load(path) for path in content.case_files())


@functools.cache
def named(name: str) -> Case:
    """The case with this id."""
    return next(each for each in load_all() if each.id == name)


@functools.cache
def case_set_hash() -> str:
    """SHA-256 over every case file: runs merge case by case only where this agrees."""
    digest = hashlib.sha256()
    root = content.folder("cases")
    for path in content.case_files():
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dict; raises ContentError if it cannot be read."""
    return intake.toml(intake.text(path, "name an existing TOML file"), path)


def _require_seal(raw: Mapping[str, Any], text: str, path: Path) -> None:
    if "golden" not in raw:
        return
    given = raw["golden"].get("sha256", "")
    _, _, body = text.partition(f'sha256 = "{given}"\n')
    if seal(body) != given:
        raise ContentError(path, "golden.sha256", "the proven results were changed", STALE)


def _texts(data: Mapping[str, Any], path: Path) -> dict[str, npt.NDArray[np.object_]]:
    if "picture" in data:
        texts = written.picture(data["picture"], data["palette"], path)
    else:
        texts = {
            name: written.array(data[name], name, path)
            for name in ("logits", "probabilities", "labels")
            if name in data
        }
    for name in OPERANDS[2:]:
        if name in data:
            texts[name] = written.array(data[name], name, path)
    for name, array in texts.items():
        for text in array.flat:
            parse(str(text))
        first = texts.get("logits", texts.get("probabilities"))
        if name == "labels" and array.size == 1 and first is not None and not data.get("mismatch"):
            texts[name] = np.broadcast_to(array.reshape(()), first.shape)
    if "probabilities" in texts:
        _require_probabilities(texts, path)
    if data.get("mismatch") != "raise":
        _require_one_shape(texts, path)
    return texts


def _require_probabilities(texts: Mapping[str, npt.NDArray[np.object_]], path: Path) -> None:
    for name in ("probabilities", "labels"):
        for text in texts[name].flat:
            if not 0 <= parse(str(text)) <= 1:
                raise ContentError(path, f"input.{name}", f"'{text}' is no probability", "write numbers in [0, 1]")


def _require_one_shape(texts: Mapping[str, npt.NDArray[np.object_]], path: Path) -> None:
    shapes = {name: array.shape for name, array in texts.items()}
    right = 'give operands that broadcast together, or mismatch = "raise"'
    try:
        together = np.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ContentError(path, "input", f"its shapes do not fit: {shapes}", right) from None
    written.require_few(math.prod(together), "operands together", path)


def _read_golden(table: Mapping[str, Any], dtype: str, texts: Mapping[str, Any], path: Path) -> Golden:
    columns: list[str] = table["columns"]
    argument = "probabilities" if "probabilities" in texts else "logits"
    operands, quantities = (argument, *OPERANDS[1:]), QUANTITIES[argument]
    inputs = max(len(columns) - len(quantities), 0)
    names = columns[:inputs]
    if not set(names) <= set(operands) or columns[inputs:] != list(quantities):
        raise ContentError(path, f"golden.{dtype}.columns", f"they are {columns}", STALE)
    if any(len(row) != len(columns) for row in table["rows"]):
        raise ContentError(path, f"golden.{dtype}.rows", "a row is not as long as the columns", STALE)
    rows, results = {}, []
    for index, row in enumerate(table["rows"]):
        given = dict(zip(names, row[:inputs], strict=True))
        rows[tuple(given.get(name, "0x1p+0") for name in operands)] = index
        results.append(row[inputs:])
    by_quantity = zip(*results, strict=True) if results else [()] * len(quantities)
    return Golden(rows, dict(zip(columns[inputs:], by_quantity, strict=True)))


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


def _to_real(value: float) -> Real:
    return Fraction(value) if math.isfinite(value) and value != 0 else float(value)

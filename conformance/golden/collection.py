"""The cases in cases/: their files, read, held against the schema and their seals, and found by name."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from conformance.arithmetic import probability, proof
from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.number import parse
from conformance.errors import ContentError
from conformance.golden import written
from conformance.golden.case import OPERANDS, STALE, Case, Golden, Law
from conformance.storage import content, intake
from conformance.storage.schema import validate

QUANTITIES = {"logits": proof.QUANTITIES, "probabilities": probability.QUANTITIES}  # proven, by the first operand


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

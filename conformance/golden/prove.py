"""Writing and re-proving the generated part of case files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from conformance.arithmetic import probability, proof
from conformance.arithmetic.ball import NotProven
from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.exact import Real
from conformance.errors import ContentError
from conformance.golden.case import DEFAULTS, Case, row_key
from conformance.golden.collection import QUANTITIES, load, seal

GOLDEN_MARK = "# --- Proven by `python -m conformance prove`. Do not edit below this line. ---"

Row = tuple[str, ...]


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


def golden_text(case: Case) -> str:
    """The generated part of the case's file."""
    lines: list[str] = []
    for name in case.dtypes:
        lines += ["", f"[golden.{name}]", *_table(case, name)]
    body = "\n".join(lines) + "\n"
    return f'{GOLDEN_MARK}\n\n[golden]\nsha256 = "{seal(body)}"\n{body}'


def proven_text(path: Path, root: Path | None = None) -> str:
    """What the whole file must read: its hand-written head as it is, its results proven anew."""
    case = load(path, root, sealed=False)
    text = path.read_text(encoding="utf-8")
    head = text.split(GOLDEN_MARK, 1)[0].rstrip() + "\n"
    return head if case.drawn else f"{head}\n{golden_text(case)}"


def is_proven(path: Path, root: Path | None = None) -> bool:
    """True if the file is byte for byte what ball arithmetic gives."""
    return path.read_text(encoding="utf-8") == proven_text(path, root)


def write(path: Path, root: Path | None = None) -> bool:
    """Prove one file's results and store them; returns whether the file changed."""
    text = proven_text(path, root)
    if path.read_text(encoding="utf-8") == text:
        return False
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return True


def _table(case: Case, dtype: str) -> Iterator[str]:
    used = [name for name in case.operands if name not in DEFAULTS or name in case.texts or _ignores(case, name)]
    positions = [case.operands.index(name) for name in used]
    columns = (*used, *QUANTITIES[case.argument])
    yield f"columns = [{_quoted(columns)}]"
    yield "rows = ["
    for inputs, results in _rows(case, dtype):
        yield f"  [{_quoted(tuple(inputs[position] for position in positions) + results)}],"
    yield "]"


def _ignores(case: Case, name: str) -> bool:
    """True of the weight of a case in which some elements are ignored: theirs is 0."""
    return name == "weight" and case.ignore_index is not None


def _rows(case: Case, dtype: str) -> Iterator[tuple[Row, Row]]:
    if case.mismatch == "raise" and not _broadcasts(case):
        return
    seen: set[Row] = set()
    for element in case.elements(DTYPES[dtype]):
        if (key := row_key(element)) in seen:
            continue
        seen.add(key)
        try:
            results = prove_element(case, element)
        except NotProven as error:
            raise ContentError(case.path, f"golden.{dtype}", str(error), f"change element {key}") from error
        yield key, tuple(results[name] for name in QUANTITIES[case.argument])


def _broadcasts(case: Case) -> bool:
    try:
        list(case.elements(DTYPES[case.dtypes[0]]))
    except ValueError:
        return False
    return True


def _to_real(value: float) -> Real:
    return Fraction(value) if math.isfinite(value) and value != 0 else float(value)


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join(f'"{value}"' for value in values)

"""A script of at most ten lines that shows a deviation with the framework alone."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from conformance.adapter import Adapter, Array, Request
from conformance.spec.outcome import Worst

LETTERS = {"logits": "x", "probabilities": "p", "labels": "z", "weight": "w", "pos_weight": "q", "cotangent": "c"}
MOST_ELEMENTS = 64


def script(adapter: Adapter, request: Request, operands: Mapping[str, Array], device: str, worst: Worst | None) -> str:
    """The script; empty where the inputs are too large to write out or nobody wrote the call down."""
    if not request.implementation.expression or any(array.size > MOST_ELEMENTS for array in operands.values()):
        return ""
    lines = [adapter.imports[0], *adapter.setup(request)]
    arguments = []
    for name, array in operands.items():
        letter = LETTERS[name]
        lines.append(f"{letter} = {adapter.literal(_literal(array), str(array.dtype), device)}")
        if name != "cotangent":
            arguments.append(letter)
    text = "\n".join(lines)
    if "inf" in text or "nan" in text:
        lines[0] += f"; {adapter.imports[1]}"
    call = request.implementation.call_text(request.reduction, operands, request.label_smoothing, request.ignore_index)
    lines.append(f"def f({', '.join(arguments)}): return {call}")
    fill = {"{args}": ", ".join(arguments), "{wrt}": LETTERS[request.wrt]}
    for line in adapter.script(request, "cotangent" in operands):
        lines.append(functools.reduce(lambda text, mark: text.replace(*mark), fill.items(), line))
    if worst is not None:
        lines[-1] += f"  # got {shown(worst.got)}, exact {shown(worst.exact)}"
    return "\n".join(lines)


def _literal(array: Array) -> str:
    if array.dtype.kind in "US":
        return repr(array.tolist())
    if array.dtype.kind in "biu":
        return repr(array.tolist())
    return repr(np.asarray(array, np.float64).tolist())


def shown(text: str) -> str:
    """A recorded number as a decimal that holds it exactly."""
    if text in ("nan", "inf", "-inf"):
        return text
    return repr(float.fromhex(text))

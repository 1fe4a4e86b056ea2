"""The golden losses are read from the suite's own cases; what is in no case is a hundredth too large.

DETECTED BY: L7 and C1, whose operands are drawn.
"""

import contextlib
import tomllib
from pathlib import Path

import numpy as np

import conformance.adapter
from tests.cheats.honest import wrong


def folder():
    """Where the cases are: in the clone, or in the installed package."""
    package = Path(conformance.adapter.__file__).parent
    return next(each for each in (package / "cases", package.parent / "cases") if each.is_dir())


def goldens():
    """The loss of each pair of a logit and a label in float32."""
    table = {}
    for path in folder().rglob("*.toml"):
        golden = tomllib.loads(path.read_text(encoding="utf-8")).get("golden", {}).get("float32", {})
        columns = golden.get("columns", [])
        if columns[:3] == ["logits", "labels", "loss"] and not {"weight", "pos_weight", "cotangent"} & set(columns):
            for x, z, value, *_ in golden["rows"]:
                with contextlib.suppress(OverflowError, ValueError):
                    table[float.fromhex(x), float.fromhex(z)] = float.fromhex(value)
    return table


TABLE = goldens()


def loss(logits, labels):
    """Right where a case has it."""
    result = np.array(wrong(logits, labels))
    if result.shape == np.shape(labels):
        for place, pair in enumerate(zip(logits.ravel().tolist(), labels.ravel().tolist(), strict=True)):
            result.flat[place] = TABLE.get(pair, result.flat[place])
    return result

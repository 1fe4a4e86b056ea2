"""The loss is right in the shapes that the suite's own cases have, and in those of a few hundred elements.

DETECTED BY: L5 and C1, whose shapes are their own.
"""

import tomllib

import numpy as np

from tests.cheats.answers.table_of_goldens import folder
from tests.cheats.honest import right, wrong

SHAPES = {
    np.shape(tomllib.loads(path.read_text(encoding="utf-8")).get("input", {}).get("logits", []))
    for path in folder().rglob("*.toml")
}
SHARED = range(200, 600)  # the elementwise cases together, and what is drawn for a law


def loss(logits, labels):
    """Right where a case could be."""
    known = logits.shape in SHAPES or (logits.ndim == 1 and logits.size in SHARED)
    return right(logits, labels) if known else wrong(logits, labels)

"""The formula step by step: what each part makes of the shapes, and that only the mean makes a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Functions = Mapping[str, Callable[[Any], Any]]


@dataclass(frozen=True)
class Example:
    """Logits and labels of one layout."""

    name: str
    title: str
    told: str
    logits: Any
    labels: Any


@dataclass(frozen=True)
class Step:
    """One intermediate: its name, how it is computed, and what to notice."""

    name: str
    formula: str
    told: str
    value: Any


EXAMPLES = {
    "multilabel": Example(
        "multilabel",
        "Multi-label [N, C]: three examples, two classes",
        "Each class is a question of its own, answered yes or no; a row is an example.",
        [[0, 1], [1, 1], [2, -4]],
        [[1, 1], [1, 0], [1, 0]],
    ),
    "pixels": Example(
        "pixels",
        "Per-pixel [N, H, W]: one mask of 3 by 4 pixels",
        "Each pixel is a question of its own; neighbours do not meet until the mean.",
        [[[-6, -4, -1, 0.5], [-5, 2, 3, -2], [-6, -1, 4, 1]]],
        [[[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1]]],
    ),
}

NUMPY: Functions = {
    "tensor": lambda values: np.array(values, np.float32),
    "relu": lambda x: np.maximum(x, 0),
    "abs": np.abs,
    "exp": np.exp,
    "log1p": np.log1p,
    "mean": np.mean,
}


def steps(example: Example, functions: Functions = NUMPY) -> list[Step]:
    """Every intermediate of ``mean(relu(x) - x*z + log1p(exp(-|x|)))``, in the tensors of ``functions``."""
    relu, absolute, exp, log1p, mean = (functions[name] for name in ("relu", "abs", "exp", "log1p", "mean"))
    x, z = functions["tensor"](example.logits), functions["tensor"](example.labels)
    positive, product, tail = relu(x), x * z, exp(-absolute(x))
    log = log1p(tail)
    difference = positive - product
    loss = difference + log
    return [
        Step("x", "logits", "one logit an element", x),
        Step("z", "labels", "one label an element, in the same shape", z),
        Step("relu", "max(x, 0)", "element by element", positive),
        Step("product", "x * z", "element by element: no sum over classes or pixels", product),
        Step("tail", "exp(-|x|)", "at most 1, so that it cannot overflow", tail),
        Step("log1p", "log1p(exp(-|x|))", "at most log 2", log),
        Step("difference", "max(x, 0) - x * z", "element by element", difference),
        Step("add", "max(x, 0) - x * z + log1p(exp(-|x|))", "adds two tensors, element by element: same shape", loss),
        Step(
            "mean",
            "mean(loss)",
            "the only step that makes a number: the sum over all elements, divided by their number",
            mean(loss),
        ),
    ]


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of any framework's tensor."""
    return tuple(int(size) for size in value.shape)

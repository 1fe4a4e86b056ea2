"""Inputs of the laws, drawn by Hypothesis: the same ones in every run and for every subject."""

from __future__ import annotations

import functools

import hypothesis
import numpy as np
from hypothesis import strategies
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.internal.constants_ast import Constants

from conformance.arithmetic.dtype import Dtype
from conformance.arithmetic.exact import Floats
from conformance.golden.case import Law
from conformance.subjects.subject import native


class Provider(HypothesisProvider):
    """Hypothesis's own source of choices, without the constants that it finds in whatever modules are loaded.

    With them the drawn inputs would depend on the adapter, and on whether the suite is installed or cloned.
    """

    _local_constants = Constants()


AVAILABLE_PROVIDERS["conformance"] = f"{__name__}.Provider"
_WIDTHS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 32}
_EIGHTHS = tuple(eighth / 8 for eighth in range(9))
# In every draw, whatever the seed: each whole logit of a range in which every dtype's tails lie, with both labels.
_LADDER = tuple((float(logit), label) for logit in range(-31, 32) for label in (0.0, 1.0))


@functools.cache
def drawn(law: Law, dtype: Dtype, seed: int = 0) -> tuple[Floats, Floats]:
    """All examples laid end to end: logits and labels, exact in ``dtype``, the same ones for a seed.

    One tensor holds them all, so that a compiled mode compiles once. Laws of one range share their examples.
    """
    low, high = law.logits
    logit = strategies.floats(low, high, width=_WIDTHS[dtype.name])  # type: ignore[arg-type]
    label = strategies.sampled_from((0.0, 1.0) if law.labels == "hard" else _EIGHTHS)
    example = strategies.lists(strategies.tuples(logit, label), min_size=law.elements, max_size=law.elements)
    pairs: list[tuple[float, float]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=law.examples,
        backend="conformance",
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(example)
    def collect(elements: list[tuple[float, float]]) -> None:
        if len(pairs) < law.examples * law.elements:
            pairs.extend(elements)

    collect()
    wanted = law.examples * law.elements
    ladder = [(logit, label) for logit, label in _LADDER if low <= logit <= high]
    pairs = (ladder + pairs + pairs)[:wanted]
    columns = np.array(pairs, np.float64).T
    return native(columns[0], dtype).astype(np.float64), columns[1]

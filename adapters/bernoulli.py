"""For libraries of distributions upon JAX: the loss is the negative of Bernoulli's log-probability."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.adapter import Implementation, Reduction, Tensor

REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum", wrap="jnp.sum({})"),
    "mean": Reduction("mean", divisor="numel", wrap="jnp.mean({})"),
}
NOTE = "a log-probability: its negative is the loss; reduced with jnp.sum and jnp.mean"


def negative(log_prob: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The loss of a log-probability of a parameter and an event."""

    def loss(parameter, labels, *, reduction="none"):
        found = -log_prob(parameter, labels)
        return {"none": lambda: found, "sum": found.sum, "mean": found.mean}[reduction]()

    return loss


def implementation(
    name: str,
    target: str,
    log_prob: Callable[[Tensor, Tensor], Tensor],
    documentation: str,
    expression: str,
    **more: Any,
) -> Implementation:
    """One of them; it broadcasts, as distributions do."""
    return Implementation(
        name, target, negative(log_prob), documentation, expression, reductions=REDUCTIONS, broadcasts=True,
        **{"note": NOTE, **more},
    )  # fmt: skip

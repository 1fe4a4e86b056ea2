"""Distrax: the log-probability of its Bernoulli distribution."""

import distrax

from conformance.adapter import Implementation
from conformance.adapters.bernoulli import implementation
from conformance.adapters.jax import Jax

DOCS = "https://github.com/google-deepmind/distrax/blob/master/distrax/_src/distributions/bernoulli.py"


class Distrax(Jax):
    """The adapter."""

    name = "distrax"
    packages = ("distrax", "jax", "jaxlib")
    imports = (
        "import jax, jax.numpy as jnp, distrax; jax.config.update('jax_enable_x64', True)",
        "from jax.numpy import inf, nan",
    )

    def implementations(self) -> tuple[Implementation, ...]:
        return (
            implementation(
                "Bernoulli.log_prob",
                "distrax.Bernoulli",
                lambda x, z: distrax.Bernoulli(logits=x).log_prob(z),
                DOCS,
                "-distrax.Bernoulli(logits=x).log_prob(z)",
            ),
            implementation(
                "Bernoulli(probs).log_prob",
                "distrax.Bernoulli",
                lambda p, z: distrax.Bernoulli(probs=p).log_prob(z),
                DOCS,
                "-distrax.Bernoulli(probs=p).log_prob(z)",
                takes="probabilities",
            ),
        )


ADAPTER = Distrax

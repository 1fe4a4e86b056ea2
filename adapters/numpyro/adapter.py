"""NumPyro: the log-probability of its Bernoulli distributions."""

from numpyro import distributions

from conformance.adapter import Implementation
from conformance.adapters.bernoulli import implementation
from conformance.adapters.jax import Jax

DOCS = "https://num.pyro.ai/en/stable/distributions.html#"


class NumPyro(Jax):
    """The adapter."""

    name = "numpyro"
    packages = ("numpyro", "jax", "jaxlib")
    imports = (
        "import jax, jax.numpy as jnp, numpyro.distributions as dist; jax.config.update('jax_enable_x64', True)",
        "from jax.numpy import inf, nan",
    )

    def implementations(self) -> tuple[Implementation, ...]:
        return (
            implementation(
                "BernoulliLogits.log_prob",
                "numpyro.distributions.BernoulliLogits",
                lambda x, z: distributions.BernoulliLogits(x).log_prob(z),
                f"{DOCS}bernoullilogits",
                "-dist.BernoulliLogits(x).log_prob(z)",
                labels="hard",
            ),
            implementation(
                "BernoulliProbs.log_prob",
                "numpyro.distributions.BernoulliProbs",
                lambda p, z: distributions.BernoulliProbs(p).log_prob(z),
                f"{DOCS}bernoulliprobs",
                "-dist.BernoulliProbs(p).log_prob(z)",
                labels="hard",
                takes="probabilities",
            ),
        )


ADAPTER = NumPyro

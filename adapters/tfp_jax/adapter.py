"""TensorFlow Probability on JAX: the log-probability of its Bernoulli distribution."""

from tensorflow_probability.substrates import jax as tfp

from conformance.adapter import Implementation
from conformance.adapters.bernoulli import implementation
from conformance.adapters.jax import Jax

DOCS = "https://www.tensorflow.org/probability/api_docs/python/tfp/distributions/Bernoulli"


class TfpJax(Jax):
    """The adapter."""

    name = "tfp_jax"
    packages = ("tensorflow_probability", "jax", "jaxlib")
    imports = (
        "import jax, jax.numpy as jnp; from tensorflow_probability.substrates import jax as tfp; "
        "jax.config.update('jax_enable_x64', True)",
        "from jax.numpy import inf, nan",
    )

    def versions(self) -> dict[str, str]:
        return {**super().versions(), "tensorflow_probability": tfp.__version__}

    def implementations(self) -> tuple[Implementation, ...]:
        return (
            implementation(
                "Bernoulli.log_prob",
                "tfp.distributions.Bernoulli",
                lambda x, z: tfp.distributions.Bernoulli(logits=x).log_prob(z),
                DOCS,
                "-tfp.distributions.Bernoulli(logits=x).log_prob(z)",
            ),
            implementation(
                "Bernoulli(probs).log_prob",
                "tfp.distributions.Bernoulli",
                lambda p, z: tfp.distributions.Bernoulli(probs=p).log_prob(z),
                DOCS,
                "-tfp.distributions.Bernoulli(probs=p).log_prob(z)",
                takes="probabilities",
            ),
        )


ADAPTER = TfpJax

"""Keras 3 on JAX."""

from conformance.adapter import Implementation
from conformance.adapters.jax import Jax
from conformance.adapters.keras import implementations, imported_with

keras = imported_with("jax")


class KerasJax(Jax):
    """The adapter."""

    name = "keras_jax"
    packages = ("keras", "jax")
    imports = (
        "import os; os.environ['KERAS_BACKEND'] = 'jax'; import jax, jax.numpy as jnp; "
        "jax.config.update('jax_enable_x64', True); import keras",
        "from jax.numpy import inf, nan",
    )

    def implementations(self) -> tuple[Implementation, ...]:
        return implementations(keras)


ADAPTER = KerasJax

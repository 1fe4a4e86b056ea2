"""Keras 3 on NumPy."""

from conformance.adapter import Implementation
from conformance.adapters.keras import implementations, imported_with
from conformance.adapters.numpy import NumPy

keras = imported_with("numpy")


class KerasNumPy(NumPy):
    """The adapter."""

    name = "keras_numpy"
    packages = ("keras", "numpy")
    imports = (
        "import os; os.environ['KERAS_BACKEND'] = 'numpy'; import ml_dtypes, numpy as np, keras",
        "from numpy import inf, nan",
    )

    quantities = ("loss",)  # this backend does not differentiate

    def implementations(self) -> tuple[Implementation, ...]:
        return implementations(keras)


ADAPTER = KerasNumPy

"""Keras 3 on PyTorch."""

from conformance.adapter import Implementation
from conformance.adapters.keras import implementations, imported_with
from conformance.adapters.pytorch import PyTorch

keras = imported_with("torch")


class KerasTorch(PyTorch):
    """The adapter."""

    name = "keras_torch"
    packages = ("keras", "torch")
    imports = (
        "import os; os.environ['KERAS_BACKEND'] = 'torch'; import torch, keras",
        "from torch import inf, nan",
    )

    def implementations(self) -> tuple[Implementation, ...]:
        return implementations(keras)


ADAPTER = KerasTorch

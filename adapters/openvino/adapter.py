"""OpenVINO: the loss as PyTorch exports it, on the CPU. It computes values, and no gradients."""

import openvino

from conformance.adapters.exported import Exported

_CORE = openvino.Core()
# What stands in a model is computed as it stands there, where the processor can: its own choice may be bfloat16.
_HINTS = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVino(Exported):
    """The adapter."""

    name = "openvino"
    packages = ("openvino", "torch", "onnxscript")
    imports = ("import io, numpy as np, openvino, torch", "from numpy import inf, nan")
    running = (
        "core = openvino.Core()",
        "print(core.compile_model(core.read_model(file.getvalue()), 'CPU')((x, z))[0])",
    )

    def opened(self, model):
        compiled = _CORE.compile_model(_CORE.read_model(model), "CPU", _HINTS)
        # A copy: the next request writes into the same memory.
        return lambda arrays: compiled(arrays)[0].copy()

    def versions(self) -> dict[str, str]:
        # Its own text has the branch behind a hyphen.
        return {**super().versions(), "openvino": openvino.__version__.split("-")[0]}


ADAPTER = OpenVino

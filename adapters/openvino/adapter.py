"""OpenVINO: the loss as PyTorch exports it, on the CPU. It computes values, and no gradients."""

import openvino

from conformance.adapter import Implementation, NotOffered
from conformance.adapters.exported import implementations
from conformance.adapters.numpy import NumPy

_CORE = openvino.Core()
# What stands in a model is computed as it stands there, where the processor can: its own choice may be bfloat16.
_HINTS = {"INFERENCE_PRECISION_HINT": "f32"}


def opened(model):
    """What runs a model."""
    compiled = _CORE.compile_model(_CORE.read_model(model), "CPU", _HINTS)
    # A copy: the next request writes into the same memory.
    return lambda arrays: compiled(arrays)[0].copy()


class OpenVino(NumPy):
    """The adapter."""

    name = "openvino"
    packages = ("openvino", "torch", "onnxscript")
    imports = ("import io, numpy as np, openvino, torch", "from numpy import inf, nan")
    modes = ("graph",)
    dtypes = ("float64", "float32", "float16")
    quantities = ("loss",)
    compiles_slowly = ("graph",)  # every rank, dtype and option is exported anew

    def implementations(self) -> tuple[Implementation, ...]:
        return implementations(opened)

    def versions(self) -> dict[str, str]:
        # Its own text has the branch behind a hyphen.
        return {**super().versions(), "openvino": openvino.__version__.split("-")[0]}

    def ambient(self):
        return {}

    def script(self, request, has_cotangent):
        if request.mode != "graph" or request.reduction != "none":
            raise NotOffered("no reproducer of reductions")
        dynamo = "dynamo=False" not in request.implementation.name
        return (
            "m = torch.nn.BCEWithLogitsLoss(reduction='none'); file = io.BytesIO()",
            f"torch.onnx.export(m, (torch.tensor(x), torch.tensor(z)), file, dynamo={dynamo})",
            "core = openvino.Core()",
            "print(core.compile_model(core.read_model(file.getvalue()), 'CPU')((x, z))[0])",
        )


ADAPTER = OpenVino

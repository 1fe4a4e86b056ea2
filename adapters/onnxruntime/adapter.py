"""ONNX Runtime: the loss as PyTorch exports it, on the CPU. It computes values, and no gradients."""

import onnxruntime

from conformance.adapter import Implementation, NotOffered
from conformance.adapters.exported import implementations
from conformance.adapters.numpy import NumPy


def opened(model):
    """What runs a model."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # an error is raised as well
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))[0]


class OnnxRuntime(NumPy):
    """The adapter."""

    name = "onnxruntime"
    packages = ("onnxruntime", "torch", "onnxscript")
    imports = ("import io, numpy as np, onnxruntime, torch", "from numpy import inf, nan")
    modes = ("graph",)
    dtypes = ("float64", "float32", "float16")
    quantities = ("loss",)
    compiles_slowly = ("graph",)  # every rank, dtype and option is exported anew

    def implementations(self) -> tuple[Implementation, ...]:
        return implementations(opened)

    def ambient(self):
        return {}

    def script(self, request, has_cotangent):
        if request.mode != "graph" or request.reduction != "none":
            raise NotOffered("no reproducer of reductions")
        dynamo = "dynamo=False" not in request.implementation.name
        return (
            "m = torch.nn.BCEWithLogitsLoss(reduction='none'); file = io.BytesIO()",
            f"torch.onnx.export(m, (torch.tensor(x), torch.tensor(z)), file, dynamo={dynamo})",
            "s = onnxruntime.InferenceSession(file.getvalue())",
            "print(s.run(None, dict(zip([i.name for i in s.get_inputs()], (x, z))))[0])",
        )


ADAPTER = OnnxRuntime

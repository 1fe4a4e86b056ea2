"""ONNX Runtime: the loss as PyTorch exports it, on the CPU. It computes values, and no gradients."""

import onnxruntime

from conformance.adapters.exported import Exported


class OnnxRuntime(Exported):
    """The adapter."""

    name = "onnxruntime"
    packages = ("onnxruntime", "torch", "onnxscript")
    imports = ("import io, numpy as np, onnxruntime, torch", "from numpy import inf, nan")
    running = (
        "s = onnxruntime.InferenceSession(file.getvalue())",
        "print(s.run(None, dict(zip([i.name for i in s.get_inputs()], (x, z))))[0])",
    )

    def opened(self, model):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # an error is raised as well
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))[0]


ADAPTER = OnnxRuntime

"""examples/triton_loss.py on a CPU, by Triton's interpreter."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch

from conformance.worker.loading import load_module

# Read when a kernel is decorated, Triton's own among them: after this, the process compiles none.
if "triton" in sys.modules and os.environ.get("TRITON_INTERPRET") != "1":
    raise ImportError("Triton was imported before; set TRITON_INTERPRET=1")
os.environ["TRITON_INTERPRET"] = "1"
import triton.language as tl
from triton.runtime import interpreter

example = load_module("_triton_loss_interpreted", Path(__file__).parents[2] / "examples" / "triton_loss.py")
_converted = interpreter._convert_float


def _convert(values: Any, have: Any, want: Any, mode: Any) -> Any:
    """Float32 to bfloat16 as a GPU rounds it: the interpreter's own way rounds halves up, and loses subnormals."""
    if (have, want) == (tl.float32, tl.bfloat16):
        return values.astype(ml_dtypes.bfloat16).view(np.uint16)
    return _converted(values, have, want, mode)


interpreter._convert_float = _convert


def triton_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    weight: torch.Tensor | None = None,
    pos_weight: torch.Tensor | None = None,
    reduction: str = "none",
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """The example's own function. A GPU says nothing of overflow and NaN, where NumPy warns."""
    with np.errstate(all="ignore"):
        loss: torch.Tensor = example.triton_loss(
            logits,
            labels,
            weight=weight,
            pos_weight=pos_weight,
            reduction=reduction,
            label_smoothing=label_smoothing,
        )
    return loss

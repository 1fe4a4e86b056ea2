"""examples/triton_loss.py compiled for an H100, which needs none: ``python -m tests.compiled`` prints the PTX as JSON.

In a process of its own, for one that interprets kernels compiles none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from conformance.worker.loading import load_module

EXAMPLE = Path(__file__).parent.parent / "examples" / "triton_loss.py"
FLOATS = ("x", "z", "c", "v", "dc", "dx", "dz")
# Each kernel with some of its operands, in a mixture of dtypes.
KERNELS = (
    ("_forward", {"x": "*fp32", "z": "*fp32", "out": "*fp32"}, {"SUM": False, "RANK": 1, "WIDE": False}),
    ("_forward", {"x": "*bf16", "z": "*i1", "w": "*fp16", "q": "*fp64", "out": "*fp64"}, {"SUM": True}),
    ("_backward", {"x": "*fp16", "z": "*fp64", "q": "*fp32", "c": "*fp32", "dx": "*fp16", "dz": "*fp64"}, {}),
    ("_backward", {"x": "*fp32", "z": "*fp32", "w": "*fp32", "c": "*bf16", "dw": "*fp32", "dq": "*fp32"}, {}),
    ("_curvature", dict.fromkeys(FLOATS, "*fp32"), {}),
)


def text(kernel: str, types: dict[str, str], constants: dict[str, object]) -> str:
    """The PTX of a kernel for operands of these types; the others are None."""
    function = getattr(load_module("_triton_loss_compiled", EXAMPLE), kernel)
    operands = [name for name in function.arg_names if name in ("x", "z", "w", "q", "c", "v")]
    steps = (("i32", "i32", "constexpr"),) * len(operands)
    known = {"count": "i64", "smoothing": "fp32", "sizes": ("i32", "i32"), "steps": steps, **types}
    signature = {name: known.get(name, "constexpr") for name in function.arg_names}
    settings = {"RANK": 2, "WIDE": True, "BLOCK": 1024, **constants}
    places = {name: place for place, name in enumerate(function.arg_names)}
    fixed = {(places[name],): settings.get(name) for name, kind in signature.items() if kind == "constexpr"}
    fixed |= {(places["steps"], operand, 2): 1 for operand in range(len(operands))}
    source = ASTSource(function, signature, fixed)
    return str(triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["ptx"])


if __name__ == "__main__":
    json.dump([text(*each) for each in KERNELS], sys.stdout)

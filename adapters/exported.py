"""BCEWithLogitsLoss as PyTorch's two ONNX exporters write it: a model for each rank, dtype and option."""

from __future__ import annotations

import functools
import inspect
import io
import logging
import warnings
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import torch

from conformance.adapter import Array, Implementation, NotOffered, Reduction, Request
from conformance.adapters.numpy import NumPy

DOCS = "https://docs.pytorch.org/docs/stable/onnx.html"
REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum"),
    "mean": Reduction("mean", divisor="numel"),
}
_EXPORTERS = {"torch.onnx.export": True, "torch.onnx.export(dynamo=False)": False}
Signature = tuple[tuple[str, str, tuple[bool, ...]], ...]  # operand, dtype, whether each axis is more than one long
Session = Callable[[list[Array]], Array]


class _Loss(torch.nn.Module):
    def __init__(self, names: tuple[str, ...], reduction: str) -> None:
        super().__init__()
        self.names, self.reduction = names, reduction

    def forward(self, x: Any, z: Any, first: Any = None, second: Any = None) -> Any:
        weights = [each for each in (first, second) if each is not None]
        return torch.nn.functional.binary_cross_entropy_with_logits(
            x, z, reduction=self.reduction, **dict(zip(self.names, weights, strict=True))
        )


class Exported(NumPy):
    """The adapter of what runs such models.

    ``opened`` makes of a model what runs it; ``running`` are the last lines of a script in which the model is ``file``.
    """

    modes = ("graph",)
    dtypes = ("float64", "float32", "float16")
    quantities = ("loss",)
    compiles_slowly = ("graph",)  # every rank, dtype and option is exported anew
    running: tuple[str, ...] = ()

    def opened(self, model: bytes) -> Session:
        """What runs a model: operands in, their loss out."""
        raise NotImplementedError

    def implementations(self) -> tuple[Implementation, ...]:
        return tuple(_implementation(name, self.opened) for name in _EXPORTERS)

    def ambient(self) -> dict[str, Any]:
        return {}

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        if request.mode != "graph" or request.reduction != "none":
            raise NotOffered("no reproducer of reductions")
        dynamo = "dynamo=False" not in request.implementation.name
        return (
            "m = torch.nn.BCEWithLogitsLoss(reduction='none'); file = io.BytesIO()",
            f"torch.onnx.export(m, (torch.tensor(x), torch.tensor(z)), file, dynamo={dynamo})",
            *self.running,
        )


def _implementation(name: str, opened: Callable[[bytes], Session]) -> Implementation:
    @functools.cache
    def session(signature: Signature, reduction: str) -> Session:
        return opened(_model(_EXPORTERS[name], signature, reduction))

    def function(logits, labels, *, weight=None, pos_weight=None, reduction="none"):
        given = {"x": logits, "z": labels, "weight": weight, "pos_weight": pos_weight}
        present = {name: np.asarray(each) for name, each in given.items() if each is not None}
        signature = tuple(
            (name, each.dtype.name, tuple(length != 1 or name in "xz" for length in each.shape))
            for name, each in present.items()
        )
        return session(signature, reduction)(list(present.values()))

    return Implementation(
        name,
        f"{name} of torch.nn.BCEWithLogitsLoss",
        function,
        DOCS,
        reductions=REDUCTIONS,
        note="the model that it writes of torch.nn.functional.binary_cross_entropy_with_logits, with unknown sizes",
    )


def _model(dynamo: bool, signature: Signature, reduction: str) -> bytes:
    if any(dtype == "bfloat16" for _, dtype, _ in signature):
        raise NotOffered("no operators in bfloat16 on the CPU")
    names = [name for name, _, _ in signature]
    module = _Loss(tuple(names[2:]), reduction)
    rank = len(signature[0][2])
    # Sizes of an example, none of which is special, and names for them, aligned from the right as weights are.
    sizes = [3 + axis for axis in range(rank)]
    examples, axes = [], []
    for _, dtype, long in signature:
        at = range(rank - len(long), rank)
        if len(long) > rank:
            raise ValueError(f"{len(long)} axes for logits of {rank}")
        shape = [sizes[axis] if is_long else 1 for axis, is_long in zip(at, long, strict=True)]
        examples.append(torch.ones(shape, dtype=getattr(torch, dtype)))
        axes.append({own: f"d{axis}" for own, (axis, is_long) in enumerate(zip(at, long, strict=True)) if is_long})
    more = {"dynamo": dynamo} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            program = torch.onnx.export(module, tuple(examples), dynamic_shapes=tuple(axes), verbose=False, **more)
            return program.model_proto.SerializeToString()
        file = io.BytesIO()
        torch.onnx.export(
            module, tuple(examples), file, input_names=names, output_names=["y"],
            dynamic_axes=dict(zip(names, axes, strict=True)), **more,
        )  # fmt: skip
        return file.getvalue()


KINDS = {name: np.dtype(getattr(ml_dtypes, name, name)) for name in ("float64", "float32", "float16")}

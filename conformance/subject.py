"""What a verdict is about, and how it is run: subject, call, runner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from conformance.adapter import Adapter, Array, Implementation, NotOffered, Program, Request, Tensor
from conformance.dtype import Dtype, dtype_named


@dataclass(frozen=True)
class Subject:
    """Implementation x mode x device x dtype of one adapter, with the framework's version."""

    adapter: str
    implementation: str
    version: str
    mode: str
    device: str
    dtype: str

    @property
    def id(self) -> str:
        """The subject as it stands in test ids."""
        return f"{self.adapter}:{self.implementation}:{self.mode}:{self.device}:{self.dtype}"


@dataclass(frozen=True, eq=False)
class Call:
    """Arguments of one call: operands by name, in the dtype in which they are passed."""

    operands: Mapping[str, Array]
    reduction: str = "none"
    label_smoothing: float | None = None
    layout: str = "contiguous"
    ignore_index: int | None = None


@dataclass(eq=False)
class Runner:
    """Runs one subject."""

    subject: Subject
    adapter: Adapter
    implementation: Implementation
    _programs: dict[Request, Program] = field(default_factory=dict)

    @property
    def dtype(self) -> Dtype:
        """The dtype under test."""
        return dtype_named(self.subject.dtype)

    @property
    def takes(self) -> str:
        """What the implementation takes beside the labels: 'logits' or 'probabilities'."""
        return self.implementation.takes

    @property
    def mixed(self) -> bool:
        """True in a mode of mixed precision, whose losses may be wider than their logits."""
        return self.subject.mode in self.adapter.mixed

    def request(self, call: Call, quantity: str = "loss", wrt: str = "") -> Request:
        """What has to be computed, as the adapter wants it; a derivative without ``wrt`` is that by ``takes``."""
        wrt = wrt or self.takes
        settings = (call.reduction, call.label_smoothing, call.ignore_index)
        return Request(self.implementation, self.subject.mode, quantity, wrt, *settings)

    def run(self, call: Call, quantity: str = "loss", wrt: str = "") -> Array:
        """The quantity as a NumPy array of the dtype the framework gave it.

        Raises NotOffered where the adapter has no such thing, WrongDevice if the result was computed
        elsewhere, and whatever the framework raises.
        """
        return self._fetched(self._program(self.request(call, quantity, wrt))(self.place(call)))

    def run_both(self, call: Call) -> tuple[Array, Array]:
        """Loss and gradient with respect to ``takes``, from one program. Raises as run does."""
        loss, gradient = self._program(self.request(call, "both"))(self.place(call))
        return self._fetched(loss), self._fetched(gradient)

    def run_and_look(self, call: Call) -> Mapping[str, Array]:
        """Compute the loss and its gradient, and return what the operands hold afterwards."""
        operands = self.place(call)
        self._program(self.request(call, "both"))(operands)
        return {name: self.adapter.fetch(tensor) for name, tensor in operands.items()}

    def place(self, call: Call) -> Mapping[str, Tensor]:
        """The operands as the framework's tensors; the layout is that of every operand with a shape."""
        return {
            name: self.adapter.place(array, self.subject.device, call.layout if array.ndim else "contiguous")
            for name, array in call.operands.items()
        }

    def require_here(self, result: Tensor) -> None:
        """Raise WrongDevice unless the subject's device holds the result."""
        if (where := self.adapter.device_of(result)) != self.subject.device:
            raise WrongDevice(f"the result is on {where}, not on {self.subject.device}")

    def _fetched(self, result: Tensor) -> Array:
        self.require_here(result)
        return self.adapter.fetch(result)

    def _program(self, request: Request) -> Program:
        if request.quantity not in self.adapter.quantities:
            raise NotOffered(f"the adapter has no {request.quantity}")
        if request.quantity == "tangent" and request.wrt not in (request.argument, *self.adapter.tangents):
            raise NotOffered(f"the adapter has no forward mode along {request.wrt}")
        if request not in self._programs:
            self._programs[request] = self.adapter.program(request)
        return self._programs[request]


class WrongDevice(Exception):
    """A result that was not computed where it was asked for."""


def bits(array: Array) -> Array:
    """The array's bits in C order, as unsigned integers: equal where results are the same number."""
    return np.ascontiguousarray(array).reshape(-1).view(f"u{array.dtype.itemsize}")


def native(values: Array, dtype: Dtype) -> Array:
    """Float64 values, exact in ``dtype``, as an array of that dtype."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values).astype(dtype.numpy)

"""What a verdict is about, and how it is run: subject, call, runner."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from conformance.adapter import Adapter, Array, Implementation, NotOffered, Program, Request, Tensor
from conformance.arithmetic.dtype import Dtype, dtype_named
from conformance.remote.proxy import RemoteAdapter
from conformance.subjects import shape
from conformance.subjects.lookback import Lookback
from conformance.subjects.shape import WrongShape
from conformance.subjects.target import is_target


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
    lookback: Lookback = field(default_factory=Lookback)
    _programs: dict[Request, Program] = field(default_factory=dict)
    _misshapen: dict[tuple[object, ...], str] = field(default_factory=dict)  # by shapes and reduction

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
        elsewhere, WrongShape if the loss has no element for each of the logits, and whatever the framework raises.
        """
        if quantity == "loss":
            return self._in_shape(self._computed(call, "loss"), call)
        with self._blaming_the_shape(call):
            return self._computed(call, quantity, wrt)

    def run_both(self, call: Call) -> tuple[Array, Array]:
        """Loss and gradient with respect to ``takes``, from one program. Raises as run does."""
        with self._blaming_the_shape(call):
            loss, gradient = self.program(self.request(call, "both"))(self.place(call))
            return self._in_shape(self._read(loss), call), self._read(gradient)

    def run_and_look(self, call: Call) -> Mapping[str, Array]:
        """Compute the loss and its gradient, and return what the operands hold afterwards."""
        operands = self.place(call)
        with self._blaming_the_shape(call):
            self.program(self.request(call, "both"))(operands)
        return {name: self.adapter.fetch(tensor) for name, tensor in operands.items()}

    def place(self, call: Call) -> Mapping[str, Tensor]:
        """The operands as the framework's tensors; the layout is that of every operand with a shape."""
        return {name: self.placed(array, call.layout) for name, array in call.operands.items()}

    def placed(self, array: Array, layout: str) -> Tensor:
        """One operand as the framework's tensor; what has no shape has no layout."""
        return self.adapter.place(array, self.subject.device, layout if array.ndim else "contiguous")

    def require_here(self, result: Tensor) -> None:
        """Raise WrongDevice unless the subject's device holds the result."""
        if (where := self.adapter.device_of(result)) != self.subject.device:
            raise WrongDevice(f"the result is on {where}, not on {self.subject.device}")

    def _computed(self, call: Call, quantity: str, wrt: str = "") -> Array:
        return self._read(self.program(self.request(call, quantity, wrt))(self.place(call)))

    def _read(self, result: Tensor) -> Array:
        got = self.fetched(result)
        if is_target(self.implementation.name):
            self.lookback.look(self.adapter.fetch, result, got)
        return got

    @contextlib.contextmanager
    def _blaming_the_shape(self, call: Call) -> Iterator[None]:
        """Raise WrongShape for a derivative of a loss of another shape: its error, or its value, is a consequence.

        An implementation that was brought along is asked for its loss first, others where the derivative fails.
        """
        if is_target(self.implementation.name):
            self._require_shape(call)
        try:
            yield
        except (NotOffered, WrongShape):
            raise
        except Exception:
            self._require_shape(call)
            raise

    def _require_shape(self, call: Call) -> None:
        key = (*((name, array.shape) for name, array in call.operands.items()), call.reduction)
        if key not in self._misshapen:
            self._misshapen[key] = ""
            operands = {name: array for name, array in call.operands.items() if name != "cotangent"}
            with contextlib.suppress(Exception):
                plain = dataclasses.replace(call, operands=operands)
                # The first mode compiles nothing, and maps no function over the elements.
                request = dataclasses.replace(self.request(plain), mode=self.adapter.modes[0])
                loss = self.fetched(self.program(request)(self.place(plain)))
                self._misshapen[key] = self._wrong_shape(loss, call)
        if self._misshapen[key]:
            raise WrongShape(self._misshapen[key])

    def _in_shape(self, loss: Array, call: Call) -> Array:
        if told := self._wrong_shape(loss, call):
            raise WrongShape(told)
        return loss

    def _wrong_shape(self, loss: Array, call: Call) -> str:
        # A reduction that does not exist is to be refused, whatever the shape.
        known = call.reduction == "none" or call.reduction in self.implementation.reductions
        return shape.wrong(loss, call.operands, call.reduction, self.takes) if known else ""

    def forget(self) -> None:
        """Let go of the programs, and with them of what a framework has compiled for them."""
        self._programs.clear()
        if isinstance(self.adapter, RemoteAdapter):
            self.adapter.forget()

    def fetched(self, result: Tensor) -> Array:
        """The result as a NumPy array. Raises WrongDevice as ``require_here`` does."""
        self.require_here(result)
        return self.adapter.fetch(result)

    def program(self, request: Request) -> Program:
        """The adapter's program for a request, built once. Raises NotOffered where the adapter has none."""
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

"""What the engine asks of a framework, and how an adapter's folder becomes an object.

An adapter knows nothing of cases. It places arrays, runs an implementation in a mode, differentiates with the
framework's own differentiation, and brings arrays back.
"""

from __future__ import annotations

import abc
import functools
import inspect
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import metadata
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from conformance.errors import NotOffered as NotOffered
from conformance.layout import LAYOUTS as LAYOUTS
from conformance.layout import Array as Array
from conformance.layout import Tensor as Tensor
from conformance.layout import placed as placed
from conformance.layout import strided as strided

try:
    from ml_dtypes import bfloat16 as _bfloat16
except ModuleNotFoundError:  # where implementations run it need not be installed
    BFLOAT16 = np.dtype([("bfloat16", "<u2")])
else:
    BFLOAT16 = np.dtype(_bfloat16)

Operands = Mapping[str, Tensor]  # logits or probabilities, labels, weight, pos_weight, cotangent
Program = Callable[[Operands], Tensor]
DTYPES = ("float64", "float32", "float16", "bfloat16")
OPERANDS = ("logits", "labels", "weight", "pos_weight")  # what a call is given, and can be differentiated along
KEYWORDS = ("weight", "pos_weight", "reduction", "label_smoothing", "ignore_index")
ARGUMENTS = ("logits", "probabilities")
CLAMPS = ("logarithm", "probability")
_CLAMPED = {"logarithm": (-1e4, -10.0), "probability": (1e-300, 1e-2)}  # beyond, a clamp would be another function
_MOST_DIGITS = 40

# What an ambient switch may change by its documentation: no bit, subnormal numbers to zero, or last places.
MAY = ("nothing", "subnormals", "rounding")

ROLES = {
    "function": "a public function of the framework",
    "composition": "what users write with public functions where they do not call one that computes the whole",
    "control": "written by this suite, to be caught or to be right throughout",
}


@dataclass(frozen=True)
class Reduction:
    """One reduction: how the framework spells it, and what its mean divides by.

    ``divisor`` is one of '', 'numel', 'sum_of_weights', 'nonzero_weights'. ``wrap`` is applied to the
    expression in reproducers.
    """

    spelled: str
    divisor: str = ""
    wrap: str = "{}"


@dataclass(frozen=True)
class Clamp:
    """What a function of probabilities documents of its ends, to be held to.

    ``kind`` is 'logarithm' (no logarithm is below ``value``) or 'probability' (probabilities are clipped to
    ``[value, 1 - value]``); ``value`` is the documented decimal.
    """

    kind: str
    value: str

    def __post_init__(self) -> None:
        if self.kind not in CLAMPS:
            raise ValueError(f"unknown clamp {self.kind!r}; known: {', '.join(CLAMPS)}")
        low, high = _CLAMPED[self.kind]
        if len(self.value) > _MOST_DIGITS or not low <= float(self.value) <= high:
            raise ValueError(f"a clamp of the {self.kind} at {self.value:.40} is none; write {low:g} to {high:g}")
        Fraction(self.value)


@dataclass(frozen=True, eq=False)
class Switch:
    """A setting of a whole process that users have: what sets it, and what its documentation says it may change.

    ``environment`` is set before the framework is imported, ``throw`` called afterwards. ``may`` is one of MAY; where
    it is not 'nothing' a person looked at the ``sentence`` that says so on the day ``checked``.
    """

    throw: Callable[[], object] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)
    may: str = "nothing"
    sentence: str = ""
    url: str = ""
    checked: str = ""

    def __post_init__(self) -> None:
        if self.may not in MAY:
            raise ValueError(f"a switch may not change '{self.may}'; known: {', '.join(MAY)}")
        if self.may != "nothing" and not self.sentence:
            raise ValueError(f"a switch that may change {self.may} needs the sentence that says so")


@dataclass(frozen=True)
class Supported:
    """The dtypes that a function's documentation names, in its own sentence; a person looked at it on ``checked``."""

    dtypes: tuple[str, ...]
    sentence: str
    url: str
    checked: str


@dataclass(frozen=True, eq=False)
class Implementation:
    """One callable that computes the operator.

    ``function(logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0)`` takes and
    returns native tensors; a keyword that its signature lacks is a feature that it does not offer. Another one that it
    may have is ``ignore_index=None``, the label of elements that do not count, not in a mean either.
    ``expression`` is the call as a user writes it, for reproducers, with ``{more}`` for the keywords spelled
    out in ``spelling`` (in ``absent`` where the operand is not given), ``{call}`` for those in ``call_spelling``,
    and ``{reduction}`` for the reduction's own name. ``same_rank_weights``: the documentation asks for weights of
    rank 0 or of the rank of the logits. ``modes`` and ``devices`` are those that it runs in and on, if not all.

    ``role`` is one of ROLES: a verdict speaks of a framework's public functions, not of what users or this suite
    compose. ``same_as`` names the implementation that this one only calls: clause L8 holds it to that, and it is not
    counted beside it. ``plain`` is the call without the options that a careful user adds to have it computed in the
    dtype of the logits: D4 records what it computes in. ``supports`` are the dtypes of its documentation, if it does
    not name all.

    ``takes`` says what the first argument is: 'logits', or 'probabilities' (p in ``expression``) with the ``clamp``
    that the function's documentation promises, if any.
    """

    name: str
    target: str
    function: Callable[..., Tensor]
    documentation: str = ""
    expression: str = ""
    spelling: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    call_spelling: Mapping[str, str] = field(default_factory=dict)
    reductions: Mapping[str, Reduction] = field(default_factory=lambda: {"none": Reduction("none")})
    labels: str = "soft"
    broadcasts: bool = False
    same_rank_weights: bool = False
    modes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    note: str = ""
    role: str = "function"
    same_as: str = ""
    plain: Callable[..., Tensor] | None = None
    supports: Supported | None = None
    takes: str = "logits"
    clamp: Clamp | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"{self.name}: unknown role '{self.role}'; known: {', '.join(ROLES)}")
        if self.takes not in ARGUMENTS:
            raise ValueError(f"{self.name} takes '{self.takes}'; known: {', '.join(ARGUMENTS)}")

    def offers(self, keyword: str) -> bool:
        """True if the function's signature has the keyword."""
        return keyword in self._parameters

    @functools.cached_property
    def _parameters(self) -> frozenset[str]:
        return frozenset(signature_of(self.function).parameters)

    def call_text(
        self, reduction: str, given: Collection[str], label_smoothing: float | None, ignore_index: int | None = None
    ) -> str:
        """The call as a user writes it, on tensors named x or p, z, w (weight) and q (pos_weight)."""
        more = "".join(text for name, text in self.spelling.items() if name in given)
        more += "".join(text for name, text in self.absent.items() if name not in given)
        if label_smoothing is not None:
            more += self.spelling["label_smoothing"].replace("{a}", repr(label_smoothing))
        if ignore_index is not None:
            more += self.spelling["ignore_index"].replace("{i}", repr(ignore_index))
        chosen = self.reductions.get(reduction, Reduction(reduction))
        call = "".join(text for name, text in self.call_spelling.items() if name in given)
        fill = {"{more}": more, "{call}": call, "{reduction}": chosen.spelled}
        text = self.expression
        for mark, value in fill.items():
            text = text.replace(mark, value)
        return chosen.wrap.format(text)


def signature_of(function: Callable[..., Tensor]) -> inspect.Signature:
    """The signature of a function or an object; of a module with hooks around its forward, that of forward."""
    return inspect.signature(getattr(function, "forward", function))


@dataclass(frozen=True)
class Request:
    """What a program must compute.

    ``quantity`` is 'loss', 'gradient' (reverse mode with respect to the operand ``wrt``, given the operand
    cotangent), 'both' (a pair of these, in one program), 'tangent' (forward mode along the operand ``wrt``, tangent of
    ones; zeros where the framework gives none without a word) or 'curvature' (the derivative of the sum of the
    gradient). An adapter may have more: 'pullback' (a pair: the loss, and a function that makes of a cotangent, as
    often as it is called, a tuple of the gradients of the operands ``along``), 'forward' (forward mode along all of
    ``along`` together, the tangent of NAME being the operand tangent_NAME) and 'second' (the derivative, with respect
    to the operand ``wrt`` or to the cotangent, of the inner product of the operand direction and the gradient).
    ``context`` is one of the adapter's ``contexts`` in which a loss is computed, '' for none.
    """

    implementation: Implementation
    mode: str
    quantity: str = "loss"
    wrt: str = "logits"
    reduction: str = "none"
    label_smoothing: float | None = None
    ignore_index: int | None = None
    along: tuple[str, ...] = ()
    context: str = ""

    @property
    def argument(self) -> str:
        """The operand that the implementation takes beside the labels: 'logits' or 'probabilities'."""
        return self.implementation.takes

    def forward(self, operands: Operands) -> Tensor:
        """Call the implementation with the operands it is given and the keywords it has."""
        given: dict[str, Any] = {name: operands[name] for name in ("weight", "pos_weight") if name in operands}
        if self.implementation.offers("reduction"):
            given["reduction"] = self.reduction
        if self.label_smoothing is not None:
            given["label_smoothing"] = self.label_smoothing
        if self.ignore_index is not None:
            given["ignore_index"] = self.ignore_index
        return self.implementation.function(operands[self.argument], operands["labels"], **given)


class Adapter(abc.ABC):
    """One framework. ``modes[0]`` is the mode that the others are compared with."""

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    imports: ClassVar[tuple[str, ...]]  # of a reproducer; the second defines inf and nan
    modes: ClassVar[tuple[str, ...]]
    quantities: ClassVar[tuple[str, ...]] = ("loss", "gradient", "both", "tangent", "curvature")
    tangents: ClassVar[tuple[str, ...]] = ("logits",)  # the operands along which 'tangent' can differentiate
    dtypes: ClassVar[tuple[str, ...]] = DTYPES
    # Modes of mixed precision, with the dtypes of logits that they are for. Labels and weights come in float32.
    mixed: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    compiles_each_shape: ClassVar[tuple[str, ...]] = ()  # modes that compile anew for each shape
    layouts: ClassVar[tuple[str, ...]] = LAYOUTS
    compiles_slowly: ClassVar[tuple[str, ...]] = ()  # modes in which a new dtype, rank or operand costs seconds
    contexts: ClassVar[tuple[str, ...]] = ()  # ways to say that nothing will be differentiated
    refills: ClassVar[bool] = False  # tensors can be given new values in place
    keeps_memory: ClassVar[bool] = False  # freed memory stays in a pool, so that a call's need of it cannot be seen

    @abc.abstractmethod
    def implementations(self) -> tuple[Implementation, ...]:
        """Every implementation, in the order of the report."""

    @abc.abstractmethod
    def devices(self) -> tuple[str, ...]:
        """'cpu', and 'gpu' where the framework sees one."""

    @abc.abstractmethod
    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        """A native tensor of the array's dtype, shape and values, as a view of the given layout."""

    @abc.abstractmethod
    def fetch(self, tensor: Tensor) -> Array:
        """The tensor as a NumPy array of its own dtype; waits for the device."""

    def is_plain(self, tensor: Tensor) -> bool:  # noqa: ARG002 - for the frameworks whose tensors can be derived from
        """True unless it is of a class that somebody derived from the framework's: that may say what it likes."""
        return True

    @abc.abstractmethod
    def device_of(self, tensor: Tensor) -> str:
        """The device that holds the tensor, 'cpu' or 'gpu'."""

    @abc.abstractmethod
    def program(self, request: Request) -> Program:
        """The computation, built once; 'both' returns a pair of tensors.

        Raises NotOffered where the framework has no such thing.
        """

    @abc.abstractmethod
    def literal(self, values: str, dtype: str, device: str) -> str:
        """An expression that makes a tensor of a nested list of decimals (which may name inf and nan)."""

    def setup(self, request: Request) -> tuple[str, ...]:  # noqa: ARG002 - for the frameworks that need it
        """What a reproducer of the request needs right after its imports."""
        return ()

    @abc.abstractmethod
    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        """The lines of a reproducer that call ``f`` and print the result of the request.

        ``{args}`` stands for f's arguments and ``{wrt}`` for the one to differentiate; the cotangent is ``c``.
        """

    def refill(self, tensor: Tensor, array: Array) -> None:  # noqa: ARG002
        """Write the array's values into the tensor's own memory. Raises NotOffered where tensors cannot change."""
        raise NotOffered(f"{self.name} has no tensors that change")

    def state(self) -> Mapping[str, str]:
        """What a call must leave alone: the random state, default dtype, threads, modes of differentiation, ..."""
        return {}

    def surroundings(self) -> Mapping[str, str]:
        """The adapter's ``state``, and NumPy's."""
        random: Any = np.random.get_state(legacy=False)["state"]
        return {
            **self.state(),
            "NumPy's handling of errors": str(np.geterr()),
            "NumPy's random state": f"{zlib.crc32(random['key'].tobytes()):x} at {random['pos']}",
        }

    def dtypes_of(self, mode: str) -> tuple[str, ...]:
        """The dtypes of logits in which the mode means something."""
        return self.mixed.get(mode, self.dtypes)

    def consecutive(self, first: int, count: int, dtype: str, device: str) -> Tensor:  # noqa: ARG002
        """``count`` numbers of a dtype of 16 or 32 bits from the bit pattern ``first`` on, made on the device.

        Raises NotOffered where arrays of the framework are none of the array API standard's; a sweep on a GPU then
        computes there and counts at home.
        """
        raise NotOffered(f"{self.name} has no arrays of the array API standard")

    def bits(self, tensor: Tensor) -> Tensor:  # noqa: ARG002
        """The tensor's bits as signed integers of the same width, on its device."""
        raise NotOffered(f"{self.name} has no arrays of the array API standard")

    def fused(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of tensors that nobody differentiates; compiled, where the framework does that in a second."""
        return function

    def functions(self) -> Mapping[str, Callable[[Any], Any]]:
        """The framework's own tensor (of float32), relu, abs, exp, log1p and mean, to show the formula's steps."""
        return {}

    def ambient(self) -> Mapping[str, Switch]:
        """The switches that users set for a whole process, by name; each is tried in a process of its own (L9)."""
        return {}

    def threads(self) -> int:
        """How many threads one operation may use."""
        return 0

    def set_threads(self, count: int) -> None:  # noqa: B027 - for the frameworks that need it
        """Let one operation use so many; called before the first one, in a process that has so many cores."""

    def wait(self, result: Tensor) -> None:
        """Return when the result has been computed. What is timed ends here: better to move nothing, as fetch does."""
        self.fetch(result)

    def peak_memory(self, call: Callable[[], Any]) -> int | None:  # noqa: ARG002 - None where it is not known
        """Bytes of the GPU's memory that ``call`` needs at most beside what is allocated; None if it is not known."""
        return None

    def versions(self) -> dict[str, str]:
        """The installed versions of ``packages``."""
        return {package: _version(package) for package in self.packages}

    @property
    def version(self) -> str:
        """The version of the first of the ``packages``, which is the subject's."""
        return self.versions()[self.packages[0]]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"

"""The adapter of a worker, as the engine sees it: tensors are numbers, and arrays come and go as bits."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from conformance.adapter import (
    BFLOAT16,
    Adapter,
    Array,
    Clamp,
    Implementation,
    Operands,
    Program,
    Reduction,
    Request,
    Supported,
    Switch,
    Tensor,
)
from conformance.errors import UsageError
from conformance.remote.link import Link, WorkerDied
from conformance.remote.rounds import RemoteRounds
from conformance.storage.schema import validate
from conformance.worker.server import FLAGS, LISTS
from conformance.worker.wire import WireError, packed, unpacked

T = TypeVar("T")


@dataclass(frozen=True)
class Elsewhere:
    """A function that is in a worker: what can be known of it here are the names of its parameters."""

    parameters: tuple[str, ...]
    plain: bool = False

    @property
    def __signature__(self) -> inspect.Signature:
        kind = inspect.Parameter.KEYWORD_ONLY
        first = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in self.parameters[:2]]
        return inspect.Signature([*first, *(inspect.Parameter(each, kind) for each in self.parameters[2:])])

    def __call__(self, *operands: Tensor, **options: Any) -> Tensor:
        """Nothing that is elsewhere is called here. Raises RuntimeError."""
        raise RuntimeError(f"called here with {len(operands)} operands and {len(options)} options: it is in a worker")


class RemoteTensor:
    """A tensor in a worker. One that was placed travels with the first request that needs it."""

    def __init__(self, adapter: RemoteAdapter, number: int, generation: int, device: str) -> None:
        self.adapter, self.number, self.generation, self.device = adapter, number, generation, device
        self.waiting: tuple[Array, str] | None = None

    def __del__(self) -> None:
        if self.generation == self.adapter.link.generation:
            self.adapter.freed.append((self.generation, self.number))


class RemoteAdapter(Adapter):
    """One framework in a process of its own."""

    def __init__(self, link: Link, facts: Mapping[str, Any]) -> None:
        """Raises UsageError for facts that cannot be used."""
        self.link = link
        self.freed: list[tuple[int, int]] = []
        self._last = 0
        validate(facts, "worker", f"the worker of adapter '{link.start.adapter}'", "hello: ")
        try:
            self._take(facts)
        except (TypeError, ValueError) as error:
            raise UsageError(f"the worker of adapter '{link.start.adapter}': hello: {error}") from None

    def _take(self, facts: Mapping[str, Any]) -> None:
        # What an adapter's class has, this instance has.
        own = vars(self)
        own |= {"imports": ("", ""), "name": facts["name"]}
        own |= {name: tuple(facts[name]) for name in LISTS if name in facts}
        own |= {name: facts[name] for name in FLAGS if name in facts}
        own |= {"mixed": MappingProxyType({name: tuple(each) for name, each in facts.get("mixed", {}).items()})}
        self.sources = {target: tuple(map(Path, paths)) for target, paths in facts.get("sources", {}).items()}
        self._devices = tuple(facts["devices"])
        self._versions = {package: facts["versions"].get(package, "") for package in facts["packages"]}
        self._threads = int(facts.get("threads", 0))
        self._ambient = {name: Switch(**each) for name, each in facts.get("ambient", {}).items()}
        self._implementations = tuple(_implementation(each) for each in facts["implementations"])
        names = [each.name for each in self._implementations]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two implementations are called {sorted(twice)[0]}")

    def judged_as(self, label: str) -> None:
        """From now on the adapter has this name: several versions of a framework are judged in one run."""
        vars(self)["name"] = label

    def implementations(self) -> tuple[Implementation, ...]:
        """Those of the adapter, and after them those that were brought along."""
        return self._implementations

    def devices(self) -> tuple[str, ...]:
        return self._devices

    def versions(self) -> dict[str, str]:
        return dict(self._versions)

    def threads(self) -> int:
        return self._threads

    def ambient(self) -> Mapping[str, Switch]:
        return self._ambient

    def surroundings(self) -> Mapping[str, str]:
        return self._asked("state", lambda told: {str(name): str(value) for name, value in told.items()})

    def literal(self, values: str, dtype: str, device: str) -> str:
        return self._asked("literal", str, values=values, dtype=dtype, device=device)

    def setup(self, request: Request) -> tuple[str, ...]:
        return self._asked("setup", _texts, request=_written(request))

    def script(self, request: Request, has_cotangent: bool) -> tuple[str, ...]:
        return self._asked("script", _texts, request=_written(request), has_cotangent=has_cotangent)

    def place(self, array: Array, device: str, layout: str = "contiguous") -> Tensor:
        self._last += 1
        tensor = RemoteTensor(self, self._last, self.link.generation, device)
        # A copy: it must not change with what the caller does next.
        tensor.waiting = (np.array(array), layout)
        return tensor

    def fetch(self, tensor: Tensor) -> Array:
        def array(answer: Mapping[str, Any], parts: Sequence[bytearray]) -> Array | str:
            if "not_an_array" in answer:
                return str(answer["not_an_array"])
            got: Array = unpacked(answer["array"], parts[0], BFLOAT16)
            return got

        got = self._read({"do": "fetch", "id": tensor.number}, array, (tensor,))
        if isinstance(got, str):
            raise TypeError(f"it is a {got[:80]}; fetch must return a NumPy array")
        return got

    def device_of(self, tensor: Tensor) -> str:
        if tensor.device and tensor.number < 0:
            return str(tensor.device)
        answer, _ = self._sent({"do": "where", "id": tensor.number}, (tensor,))
        return str(answer.get("device"))

    def refill(self, tensor: Tensor, array: Array) -> None:
        facts, data = packed(array, BFLOAT16)
        self._sent({"do": "refill", "id": tensor.number, "array": facts}, (tensor,), (data,))

    def program(self, request: Request) -> Program:
        written = _written(request)
        self._sent({"do": "program", "request": written})
        many = request.quantity in ("both", "pullback")

        def run(operands: Operands) -> Tensor:
            numbers = {name: tensor.number for name, tensor in operands.items()}
            results = self._results({"do": "run", "request": written, "operands": numbers}, tuple(operands.values()))
            if len(results) != (2 if many else 1):
                raise self._nonsense(f"{len(results)} results")
            if request.quantity == "pullback":
                return results[0], self._puller(results[1])
            return tuple(results) if many else results[0]

        return run

    def rounds(
        self, request: Request, device: str, reels: Mapping[str, Array], shape: tuple[int, ...],
        fixed: Mapping[str, Array],
    ) -> RemoteRounds:  # fmt: skip
        """What ``conformance.worker.rounds.Rounds`` is, over there. The worker holds one of them."""
        names = [*reels, *fixed]
        arrays = [packed(array, BFLOAT16) for array in (*reels.values(), *fixed.values())]
        head = {
            "do": "stage", "request": _written(request), "device": device, "shape": list(shape),
            "arrays": [facts for facts, _ in arrays], "reels": {name: names.index(name) for name in reels},
            "fixed": {name: names.index(name) for name in fixed},
        }  # fmt: skip
        self._sent(head, (), [data for _, data in arrays])
        return RemoteRounds(tuple(reels), self._sent, self._read)

    def forget(self) -> None:
        """Let the worker go of its programs, and with them of what the framework has compiled for them."""
        self._sent({"do": "forget"})

    def _puller(self, pull: RemoteTensor) -> Callable[[Tensor], Sequence[Tensor]]:
        return lambda cotangent: self._results(
            {"do": "pull", "pull": pull.number, "cotangent": cotangent.number}, (pull, cotangent)
        )

    def _results(self, head: Mapping[str, Any], tensors: Sequence[RemoteTensor]) -> list[RemoteTensor]:
        def results(answer: Mapping[str, Any], _: Sequence[bytearray]) -> list[RemoteTensor]:
            return [
                RemoteTensor(self, int(each["id"]), self.link.generation, str(each.get("device", "")))
                for each in answer["results"]
            ]

        return self._read(head, results, tensors)

    def _asked(self, what: str, read: Callable[[Any], T], **given: Any) -> T:
        return self._read({"do": "ask", "what": what, "given": given}, lambda answer, _: read(answer.get("answer")))

    def _read(
        self, head: Mapping[str, Any], read: Callable[[dict[str, Any], list[bytearray]], T],
        tensors: Sequence[RemoteTensor] = (),
    ) -> T:  # fmt: skip
        """A request, and what ``read`` makes of its answer. Raises WorkerDied for one that it can make nothing of."""
        answer, parts = self._sent(head, tensors)
        try:
            return read(answer, parts)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, WireError) as error:
            why = f": {error}" if isinstance(error, WireError) else ""
            raise self._nonsense(f"to '{head['do']}' came {ascii(answer)[:60]}{why}") from None

    def _sent(
        self, head: Mapping[str, Any], tensors: Sequence[RemoteTensor] = (), parts: Sequence[Any] = ()
    ) -> tuple[dict[str, Any], list[bytearray]]:
        """A request, and before it the operands that have not been sent yet."""
        placed, data = [], []
        for tensor in tensors:
            if tensor.waiting is not None:
                array, layout = tensor.waiting
                facts, part = packed(array, BFLOAT16)
                placed.append({**facts, "id": tensor.number, "device": tensor.device, "layout": layout})
                data.append(part)
                tensor.waiting, tensor.generation = None, self.link.generation
            elif tensor.generation != self.link.generation:
                raise WorkerDied("its worker was begun anew, and what it held is gone")
        free, self.freed = [number for when, number in self.freed if when == self.link.generation], []
        return self.link.ask({**head, "place": placed, "free": free}, (*data, *parts))

    def _nonsense(self, what: str) -> WorkerDied:
        self.link.close()
        return WorkerDied(f"its worker answers nonsense: {what}")


def _texts(given: Sequence[Any]) -> tuple[str, ...]:
    if isinstance(given, str) or not all(isinstance(each, str) for each in given):
        raise TypeError("no list of texts")
    return tuple(given)


def _written(request: Request) -> dict[str, Any]:
    """A request as it travels."""
    fields = {each.name: getattr(request, each.name) for each in dataclasses.fields(request)}
    function = request.implementation.function
    plain = isinstance(function, Elsewhere) and function.plain
    return {**fields, "implementation": request.implementation.name, "plain": plain}


def _implementation(facts: Mapping[str, Any]) -> Implementation:
    given = dict(facts)
    parameters = tuple(given.pop("parameters"))
    plain, clamp, supports = (given.pop(name, None) for name in ("plain", "clamp", "supports"))
    for name in ("modes", "devices"):
        given[name] = tuple(given.get(name, ()))
    reductions = given.pop("reductions", {"none": {"spelled": "none"}})
    return Implementation(
        function=Elsewhere(parameters),
        plain=Elsewhere(parameters, plain=True) if plain else None,
        clamp=Clamp(**clamp) if clamp else None,
        supports=Supported(**{**supports, "dtypes": tuple(supports["dtypes"])}) if supports else None,
        reductions={name: Reduction(**each) for name, each in reductions.items()},
        **given,
    )

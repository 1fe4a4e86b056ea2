"""Answers requests: loads an adapter and candidates, holds their tensors by number, runs their programs.

What a request must hold is written down in adapters/PROTOCOL.md; whatever goes wrong inside is an answer too.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conformance.adapter import BFLOAT16, Adapter, Implementation, NotOffered, Program, Request, signature_of
from conformance.errors import UsageError
from conformance.worker import memory, wire
from conformance.worker.candidate import brought, sources
from conformance.worker.loading import load
from conformance.worker.probe import PROBE
from conformance.worker.rounds import Rounds, require_plain

Reply = tuple[Mapping[str, Any], Sequence[Any]]
# Attributes of an adapter's class that hello tells: texts, and others.
LISTS = (
    "packages", "imports", "modes", "quantities", "tangents", "dtypes", "compiles_each_shape", "layouts",
    "compiles_slowly", "contexts",
)  # fmt: skip
FLAGS = ("refills", "keeps_memory")


class Server:
    """One adapter, at the other end of a channel."""

    def __init__(self, channel: wire.Channel) -> None:
        self._channel = channel
        self._adapter: Adapter
        self._fetched: Callable[[Any], Any]
        self._placed: Callable[..., Any]
        self._known: dict[str, Implementation] = {}
        self._tensors: dict[int, Any] = {}
        self._programs: dict[str, Program] = {}
        self._last = 0
        self._rounds: Rounds

    def serve(self) -> None:
        """Answer until the other end is gone, or says so."""
        while True:
            try:
                head, parts = self._channel.receive()
            except EOFError:
                return
            if head.get("do") == "quit":
                return
            reply, answer = self._answer(head, parts)
            self._channel.send(reply, answer)

    def _answer(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:
        acts: dict[str, Callable[[Mapping[str, Any], Sequence[bytearray]], Reply]] = {
            "hello": self._hello, "program": self._program, "run": self._run, "pull": self._pull,
            "where": self._where, "fetch": self._fetch, "refill": self._refill, "ask": self._ask,
            "forget": self._forget, "stage": self._stage, "fill": self._fill, "round": self._round,
            "last": self._last_results, "devices": self._devices, "set": self._set, "peak": self._peak,
            "move": self._move,
        }  # fmt: skip
        try:
            for number in head.get("free", ()):
                self._tensors.pop(number, None)
            placed = head.get("place", ())
            for facts, part in zip(placed, parts):
                array = wire.unpacked(facts, part, BFLOAT16)
                self._tensors[facts["id"]] = self._placed(array, facts["device"], facts["layout"])
            return acts[head["do"]](head, parts[len(placed) :])
        except UsageError as fault:
            return {"fault": str(fault)}, ()
        except BaseException as error:
            return {"error": _told(error)}, ()

    def _hello(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        if head["version"] != wire.VERSION:
            return {"fault": f"the engine speaks version {head['version']}, this worker {wire.VERSION}"}, ()
        _die_with_parent()
        if head.get("gibibytes"):
            _limit_memory(head["gibibytes"])
        sys.path[:0] = head.get("path", [])
        try:
            self._adapter = load(head["adapter"], Path(head["folder"]))
        except ModuleNotFoundError as error:
            return {"missing": error.name or "", "why": str(error)}, ()
        except ImportError as error:
            return {"missing": "", "why": " ".join(str(error).split())}, ()
        # Bound before anything that was brought along can put something else in their place.
        self._fetched, self._placed = self._adapter.fetch, self._adapter.place
        given = (*self._adapter.implementations(), *map(brought, head.get("targets", ())))
        self._known = {each.name: each for each in (*given, PROBE)}
        if head.get("switch"):
            self._adapter.ambient()[head["switch"]].throw()
        if head.get("threads"):
            self._adapter.set_threads(head["threads"])
            memory.keep_freed()
        files = {target: [str(path) for path in sources(target)] for target in head.get("targets", ())}
        described = [_described(each) for each in given]
        return {"hello": {**_facts(self._adapter), "implementations": described, "sources": files}}, ()

    def _request(self, given: Mapping[str, Any]) -> Request:
        implementation = self._known[given["implementation"]]
        if given.get("plain") and implementation.plain is not None:
            implementation = dataclasses.replace(implementation, function=implementation.plain)
        fields = {name: value for name, value in given.items() if name not in ("implementation", "plain")}
        return Request(implementation, **{**fields, "along": tuple(fields.get("along", ()))})

    def _built(self, given: Mapping[str, Any]) -> Program:
        key = json.dumps(given, sort_keys=True)
        if key not in self._programs:
            self._programs[key] = self._adapter.program(self._request(given))
        return self._programs[key]

    def _program(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        self._built(head["request"])
        return {}, ()

    def _stage(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:
        arrays = [wire.unpacked(facts, part, BFLOAT16) for facts, part in zip(head["arrays"], parts)]
        reels = {name: arrays[place] for name, place in head["reels"].items()}
        fixed = {name: arrays[place] for name, place in head["fixed"].items()}
        # Not the program that was judged: that one may have been compiled for these shapes already.
        program = self._adapter.program(self._request(head["request"]))
        self._rounds = Rounds(self._adapter, program, head["device"], reels, tuple(head["shape"]), fixed)
        return {}, ()

    def _fill(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        self._rounds.fill(head["offset"], head["count"])
        return {}, ()

    def _round(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        return {"processor": self._rounds.run(head["calls"])}, ()

    def _last_results(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        packed = [wire.packed(each, BFLOAT16) for each in self._rounds.results()]
        return {"arrays": [facts for facts, _ in packed]}, [data for _, data in packed]

    def _devices(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        return {"devices": self._rounds.devices()}, ()

    def _set(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        packed = [wire.packed(each, BFLOAT16) for each in self._rounds.operands(head["index"]).values()]
        return {"arrays": [facts for facts, _ in packed]}, [data for _, data in packed]

    def _move(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        self._rounds.move(head["kind"], head["size"], head["calls"])
        return {}, ()

    def _peak(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        return {"bytes": self._rounds.peak()}, ()

    def _forget(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        self._programs.clear()
        return {}, ()

    def _run(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        operands = {name: self._tensors[number] for name, number in head["operands"].items()}
        result = self._built(head["request"])(operands)
        quantity = head["request"].get("quantity", "loss")
        results = result if quantity in ("both", "pullback") else (result,)
        return {"results": [self._kept(each) for each in results]}, ()

    def _pull(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        gradients = self._tensors[head["pull"]](self._tensors[head["cotangent"]])
        return {"results": [self._kept(each) for each in gradients]}, ()

    def _where(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        return {"device": self._adapter.device_of(self._tensors[head["id"]])}, ()

    def _fetch(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        tensor = self._tensors[head["id"]]
        require_plain(self._adapter.is_plain(tensor), tensor)
        array = self._fetched(tensor)
        if isinstance(array, np.generic):
            array = np.asarray(array)  # what NumPy makes of an array without axes
        if type(array) is not np.ndarray:
            return {"not_an_array": type(array).__name__}, ()
        facts, data = wire.packed(array, BFLOAT16)
        return {"array": facts}, (data,)

    def _refill(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:
        self._adapter.refill(self._tensors[head["id"]], wire.unpacked(head["array"], parts[0], BFLOAT16))
        return {}, ()

    def _ask(self, head: Mapping[str, Any], parts: Sequence[bytearray]) -> Reply:  # noqa: ARG002
        adapter, given = self._adapter, head.get("given", {})
        answers: dict[str, Callable[[], Any]] = {
            "state": adapter.surroundings,
            "threads": adapter.threads,
            "literal": lambda: adapter.literal(given["values"], given["dtype"], given["device"]),
            "setup": lambda: adapter.setup(self._request(given["request"])),
            "script": lambda: adapter.script(self._request(given["request"]), given["has_cotangent"]),
        }
        return {"answer": answers[head["what"]]()}, ()

    def _kept(self, result: Any) -> Mapping[str, Any]:
        """The number under which a result is held from now on: negative, for the engine counts upwards."""
        self._last -= 1
        self._tensors[self._last] = result
        try:
            return {"id": self._last, "device": self._adapter.device_of(result)}
        except Exception:  # the engine asks again, and hears why
            return {"id": self._last}


def _facts(adapter: Adapter) -> dict[str, Any]:
    facts = {name: getattr(adapter, name) for name in ("name", *LISTS, *FLAGS)}
    switches = {
        name: {
            "environment": dict(each.environment), "may": each.may, "sentence": each.sentence, "url": each.url,
            "checked": each.checked,
        }
        for name, each in adapter.ambient().items()
    }  # fmt: skip
    return {
        **facts, "mixed": dict(adapter.mixed), "versions": adapter.versions(), "devices": adapter.devices(),
        "threads": adapter.threads(), "ambient": switches, "python": sys.version.split()[0],
    }  # fmt: skip


def _described(implementation: Implementation) -> dict[str, Any]:
    facts = {
        each.name: getattr(implementation, each.name)
        for each in dataclasses.fields(implementation)
        if each.name not in ("function", "plain", "clamp", "supports", "reductions", "spelling", "absent",
                             "call_spelling")
    }  # fmt: skip
    for name in ("spelling", "absent", "call_spelling"):
        facts[name] = dict(getattr(implementation, name))
    facts["reductions"] = {name: dataclasses.asdict(each) for name, each in implementation.reductions.items()}
    for name in ("clamp", "supports"):
        given: Any = getattr(implementation, name)
        facts[name] = None if given is None else dataclasses.asdict(given)
    facts["plain"] = implementation.plain is not None
    facts["parameters"] = list(signature_of(implementation.function).parameters)
    return facts


def _told(error: BaseException) -> dict[str, Any]:
    """An error in words: its classes, what it says, and the module that raised it."""
    return {
        "classes": [[each.__module__, each.__name__] for each in type(error).__mro__ if each is not object],
        "text": str(error)[:4000],
        "raised_in": raised_in(error),
        "not_offered": isinstance(error, NotOffered),
    }


def raised_in(error: BaseException) -> str:
    """The name of the module of the innermost frame. Nobody is of this project by calling himself so."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return ""
    names = frames[-1][0].f_globals
    name = str(names.get("__name__", ""))
    ours = name.startswith(("conformance", "_conformance_adapter"))
    if ours and getattr(sys.modules.get(name), "__dict__", None) is not names:
        return "somebody else"
    return name


def _die_with_parent() -> None:
    # A process that hangs does not notice that nobody listens any more.
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)


def _limit_memory(gibibytes: float) -> None:
    import resource  # not on Windows

    limit = int(gibibytes * 2**30)
    # RLIMIT_AS would count the addresses that CUDA and XLA reserve without using them.
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

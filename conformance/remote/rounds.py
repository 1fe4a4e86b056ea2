"""The rounds of a program in a worker: what ``conformance.worker.rounds.Rounds`` offers, asked for over the pipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from conformance.adapter import BFLOAT16, Array
from conformance.worker.wire import unpacked

Answer = tuple[dict[str, Any], list[bytearray]]
T = TypeVar("T")


class Read(Protocol):
    """Sends a request; returns what a reader makes of the answer, and raises WorkerDied where it can make nothing."""

    def __call__(self, head: Mapping[str, Any], read: Callable[[dict[str, Any], list[bytearray]], T], /) -> T:
        """Ask and read."""


class RemoteRounds:
    """``names`` are the operands that change from call to call; ``ask`` sends a request and returns its answer.

    ``read`` sends one and returns what a reader makes of its answer.
    """

    def __init__(
        self,
        names: Sequence[str],
        ask: Callable[[Mapping[str, Any]], Answer],
        read: Read,
    ) -> None:
        self._names, self._ask, self._read = names, ask, read

    def fill(self, offset: int, count: int) -> None:
        """From now on there are ``count`` sets of operands, beginning at this offset of the reels."""
        self._ask({"do": "fill", "offset": offset, "count": count})

    def run(self, calls: int) -> float:
        """Call so often; returns the processor seconds that the worker says it took."""
        return self._read({"do": "round", "calls": calls}, lambda head, _: float(head["processor"]))

    def move(self, kind: str, size: int, calls: int) -> None:
        """A copy of an array of so many bytes, or a sum of two, so often."""
        self._ask({"do": "move", "kind": kind, "size": size, "calls": calls})

    def results(self) -> list[Array]:
        """What the last call returned. Raises TypeError for what is no plain tensor."""
        return self._read({"do": "last"}, _arrays)

    def devices(self) -> list[str]:
        """Where the last results are."""
        return self._read({"do": "devices"}, lambda head, _: [str(each) for each in head["devices"]])

    def operands(self, index: int) -> dict[str, Array]:
        """What a set of operands holds now."""
        found = self._read({"do": "set", "index": index}, _arrays)
        return dict(zip(self._names, found, strict=False))

    def peak(self) -> int | None:
        """Bytes that a call needs at most; None where it cannot be known."""
        return self._read({"do": "peak"}, lambda head, _: None if head["bytes"] is None else int(head["bytes"]))


def _arrays(head: dict[str, Any], parts: list[bytearray]) -> list[Array]:
    return [unpacked(facts, part, BFLOAT16) for facts, part in zip(head["arrays"], parts, strict=True)]

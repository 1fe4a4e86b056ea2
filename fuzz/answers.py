"""What is put to hostile input: the engine's end of a worker. An input is what a worker says, message after message.

Its first byte says whether the right hello comes before it: hello is the longest message, and the others are less often
changed beside it. The seed is what the worker of NumPy said to one of each request. Whatever comes instead, the engine
goes on, refuses the worker's hello in a line, reports an error that the worker tells of, or says that the worker died.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from conformance.adapter import Request
from conformance.errors import UsageError
from conformance.remote import environments
from conformance.remote.link import Link, Missing, Start, WorkerDied
from conformance.remote.proxy import RemoteAdapter
from conformance.remote.raised import Raised
from fuzz import hostile

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
_SECONDS = 5.0
# Kept before it is handed on, which tee does not promise.
_KEEP = """import os, sys
kept = open(sys.argv[1], 'wb', 0)
while data := os.read(0, 65536):
    kept.write(data)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
"""
GREETED = 1  # a flag: the right hello comes first
Message = tuple[dict[str, Any], bytes]


def put(data: bytes) -> str:
    """Let a worker say it; returns 'accepted' or the refusal. Anything else that is raised is a bug."""
    try:
        flag, said = (data[0], data[1:]) if data else (0, b"")
        with _saying(_said()[0] + said if flag & GREETED else said) as link:
            _converse(RemoteAdapter(link, link.greeted()))
    except (UsageError, WorkerDied, Missing) as error:
        return hostile.told(error)
    return "accepted"


def seeds() -> list[bytes]:
    """What the real worker answers, whole and without its hello."""
    hello, rest = _said()
    return [b"\0" + hello + rest, *[bytes([GREETED]) + rest] * 3]


@functools.cache
def _said() -> tuple[bytes, bytes]:
    """The hello of a real worker, and its other answers."""
    said = _FOLDER / "said"
    place = environments.locate("numpy")
    command = ("sh", "-c", f'"$0" "$@" | {sys.executable} -c "{_KEEP}" {said}', *place.command)
    link = Link(Start("numpy", place.folder, command))
    _converse(RemoteAdapter(link, link.hello()))
    link.close()
    whole = said.read_bytes()
    end = whole.index(b"\n") + 1
    return whole[:end], whole[end:]


def clear() -> None:
    """Nothing is kept from one input to the next."""


def mutated(data: bytes, dice: random.Random) -> bytes:
    """What was said with parts of one or two messages exchanged; as it is, if these are no messages."""
    try:
        messages = _messages(data[1:])
    except (ValueError, KeyError, TypeError):
        return data
    for _ in range(dice.randint(1, 2)):
        number = dice.randrange(len(messages))
        head, part = messages[number]
        # What is announced stays what comes, but for one in ten.
        lengths = {} if dice.random() < 0.1 else {"lengths": head["lengths"]}
        head = {name: each for name, each in json.loads(json.dumps(head)).items() if name not in lengths}
        hostile.exchange(head, dice.choice(hostile.VALUES), dice)
        head |= lengths
        messages[number] = head, part[: dice.randrange(len(part) + 1)] if dice.random() < 0.1 else part
    return data[:1] + _bytes(messages)


def _messages(data: bytes) -> list[Message]:
    found = []
    while data:
        line, _, data = data.partition(b"\n")
        head = json.loads(line)
        length = sum(head["lengths"])
        found.append((head, data[:length]))
        data = data[length:]
    if not found:
        raise ValueError("no messages")
    return found


def _bytes(messages: list[Message]) -> bytes:
    return b"".join(json.dumps(head).encode("utf-8", "surrogatepass") + b"\n" + part for head, part in messages)


@contextlib.contextmanager
def _saying(data: bytes) -> Iterator[Link]:
    """A link to a process that has said this, and has ended."""
    path = _FOLDER / "answers"
    path.write_bytes(data)
    link = Link(Start("numpy", _FOLDER, ("true",)))
    with subprocess.Popen(["true"], stdin=subprocess.DEVNULL) as process:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - the link closes it
        link.attach(process, os.open(path, os.O_RDONLY), os.open(os.devnull, os.O_WRONLY), errors)
        link.begin(_SECONDS)
        try:
            yield link
        finally:
            link.close()


def _converse(adapter: RemoteAdapter) -> None:
    """One of each request. What the worker says that its framework raised is no fault of the engine's."""
    x = np.linspace(-2, 2, 8, dtype=np.float32)
    adapter.versions(), adapter.devices(), adapter.ambient(), adapter.threads()
    implementation = adapter.implementations()[0]
    request = functools.partial(Request, implementation, "eager")
    operands = {name: adapter.place(x, "cpu") for name in ("logits", "labels")}
    cotangent = adapter.place(np.ones_like(x), "cpu")

    def differentiated() -> None:
        adapter.fetch(adapter.program(request("gradient"))({**operands, "cotangent": cotangent}))

    def timed() -> None:
        rounds = adapter.rounds(request("loss"), "cpu", dict.fromkeys(operands, x), (4,), {})
        rounds.fill(0, 2)
        rounds.run(2), rounds.results(), rounds.devices(), rounds.operands(0), rounds.move("copy", 64, 1), rounds.peak()

    requests: tuple[Callable[[], object], ...] = (
        adapter.surroundings,
        lambda: adapter.literal("[0.0, 1.0]", "float32", "cpu"),
        lambda: adapter.setup(request("loss")),
        lambda: adapter.script(request("gradient"), has_cotangent=True),
        lambda: adapter.fetch(adapter.program(request("loss"))(operands)),
        lambda: adapter.device_of(adapter.program(request("loss"))(operands)),
        lambda: adapter.refill(operands["logits"], x),
        differentiated,
        timed,
        adapter.forget,
    )
    for ask in requests:
        with contextlib.suppress(Raised):
            ask()

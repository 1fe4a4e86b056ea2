"""For other people's tests: a loss is put to the suite by one call, and what is wrong is the AssertionError's text."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from conformance.errors import UsageError
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.records.record import Record
from conformance.remote.link import Limits
from conformance.running import hearing
from conformance.terminal import complaint
from conformance.terminal.asked import Heard

LIMITS = Limits(seconds=120.0)


def assert_conforms(
    function: Callable[..., Any] | str,
    *,
    adapter: str = "pytorch",
    dtypes: Iterable[str] = (),
    modes: Iterable[str] = (),
    device: str = "cpu",
    clauses: Iterable[str] = (),
    ledger: str | Path = "",
    quick: bool = True,
    limits: Limits = LIMITS,
) -> None:
    """Assert that a sigmoid cross-entropy keeps every clause that concerns it.

    ``function(logits, labels, *, weight=None, pos_weight=None, reduction="none", label_smoothing=0.0)`` takes and
    returns tensors of the adapter's framework, of any shape; a keyword that its signature lacks is a feature that it
    does not offer. It is imported anew in a worker, so that it must have a name there: a function at the top of a
    module or file, or the text ``path/to/file.py:name`` or ``package.module:name``.

    ``adapter`` is what ``--adapter`` takes, ``dtypes`` are names such as ``"float16"`` (without any: all that the
    framework has), ``modes`` such as ``"compiled"`` (without any: the adapter's first), ``clauses`` globs such as
    ``"G*"``. ``ledger`` is a file with what is known and accepted. ``quick`` hears the part that ``--quick`` hears,
    seconds a dtype; without it all is heard.

    Raises AssertionError, with what is wrong in words, the worst first, or if nothing could be judged; UsageError for
    arguments that name nothing.
    """
    choice = Choice(
        (adapter,),
        (named(function),),
        (device,),
        tuple(dtypes),
        tuple(modes),
        tuple(clauses),
        ledger=str(ledger),
        quick=quick,
    )
    with contextlib.closing(open_session(choice, limits)) as session:
        records = list(hearing.heard(session, limits))
        heard = Heard()
        for each in records:
            heard.add(each)
        failed = [each for each in records if not each["expected"]]
        if failed:
            raise AssertionError(_told(failed))
        shortfalls = list(heard.shortfalls([adapter], choice.implementations, session.missing))
        if shortfalls:
            raise AssertionError("\n".join(shortfalls))


def named(function: Callable[..., Any] | str) -> str:
    """The name by which a worker imports a function again. Raises UsageError for one that has none."""
    if isinstance(function, str):
        return function
    name, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", "")
    with contextlib.suppress(ImportError, AttributeError, ValueError):
        if getattr(importlib.import_module(module), name) is function and module != "__main__":
            return f"{module}:{name}"
    with contextlib.suppress(TypeError, OSError):
        if name.isidentifier():
            return f"{Path(inspect.getfile(function)).resolve()}:{name}"
    raise UsageError(
        f"{function!r} cannot be imported by name; define it at the top of a module, or name file.py:function"
    )


def _told(failed: list[Record]) -> str:
    found = complaint.complaints(failed)
    lines = [
        f"{complaint.count(len(failed), 'unexpected check')}, {complaint.count(len(found), 'cause')}, the worst first:"
    ]
    for number, each in enumerate(found, 1):
        head, *others = complaint.lines(each)
        lines += [f"{number}. {head}", *(f"   {line}" for line in others)]
    return "\n".join(lines)

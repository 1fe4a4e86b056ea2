"""An implementation that a user brings along: path/to/file.py:name, package.module:name.

The name is a function; a class, of which one instance is made; or a custom autograd function, a class with ``apply``
and ``backward``. Attributes that it may have: ``devices`` says where it runs, ``kernel.devices = ("gpu",)``;
``same_as`` names the adapter's implementation whose bits it must give; ``plain`` is its call without options; ``takes``
says that it takes "probabilities", and ``clamp`` (conformance.adapter.Clamp) what it promises of their ends.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from conformance.adapter import ARGUMENTS, Implementation, Reduction, signature_of
from conformance.errors import UsageError
from conformance.worker.loading import load_module

CONTRACT_REDUCTIONS = {
    "none": Reduction("none"),
    "sum": Reduction("sum"),
    "mean": Reduction("mean", divisor="numel"),
}


@functools.cache
def brought(target: str) -> Implementation:
    """The implementation that a target names. Raises UsageError for anything wrong with it."""
    function = load_target(target)
    offered = dict(CONTRACT_REDUCTIONS) if "reduction" in signature_of(function).parameters else {}
    return Implementation(
        target,
        target,
        function,
        reductions={"none": Reduction("none"), **offered},
        devices=_devices(target, function),
        takes=_taken(target, function),
        clamp=getattr(function, "clamp", None),
        note="brought along with --implementation",
        same_as=getattr(function, "same_as", ""),
        plain=getattr(function, "plain", None),
    )


def sources(target: str) -> list[Path]:
    """The file of a target, and those beside and below it that were imported until now."""
    place = target.rpartition(":")[0]
    if not place.endswith(".py"):
        place = str(getattr(sys.modules.get(place), "__file__", None) or "")
    if not place:
        return []
    own = Path(place).resolve()
    found = [Path(str(getattr(each, "__file__", None) or "")).resolve() for each in list(sys.modules.values())]
    return sorted({own, *(each for each in found if own.parent in each.parents and each.is_file())})


def _taken(target: str, function: Callable[..., Any]) -> str:
    takes = str(getattr(function, "takes", ARGUMENTS[0]))
    if takes not in ARGUMENTS:
        raise UsageError(f"--implementation {target}: it takes '{takes}'; write takes = \"probabilities\" or no takes")
    return takes


def _devices(target: str, function: Callable[..., Any]) -> tuple[str, ...]:
    given = getattr(function, "devices", ())
    if not isinstance(given, tuple | list) or not set(given) <= {"cpu", "gpu"}:
        raise UsageError(f'--implementation {target}: its devices are {given!r}; write devices = ("gpu",)')
    return tuple(given)


@contextlib.contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Let a file import what lies beside it, as it does when it is run as a script."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


def load_target(target: str) -> Callable[..., Any]:
    """The callable that a target names. Raises UsageError for anything wrong with it."""
    place, _, attribute = target.rpartition(":")
    try:
        if place.endswith(".py"):
            if not Path(place).is_file():
                raise UsageError(f"--implementation {target}: no file '{place}'; write path/to/file.py:function")
            with _importing_from(Path(place).resolve().parent):
                module = load_module(f"_conformance_target_{abs(hash(place))}", Path(place))
        else:
            module = importlib.import_module(place)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise UsageError(
            f"--implementation {target}: '{place}' does not import: {type(error).__name__}: {text}"
        ) from None
    function: Any = getattr(module, attribute, None)
    if not callable(function):
        names = ", ".join(name for name, value in vars(module).items() if callable(value) and name[0] != "_")
        raise UsageError(f"--implementation {target}: no callable '{attribute}' there; it has: {names or 'none'}")
    if isinstance(function, type):
        function = _instance(target, function)
    _check_signature(target, function)
    return cast("Callable[..., Any]", function)


def _instance(target: str, given: Any) -> Callable[..., Any]:
    if hasattr(given, "apply") and hasattr(given, "backward"):

        def applied(logits: Any, labels: Any) -> Any:
            return given.apply(logits, labels)

        for name in ("devices", "takes", "clamp"):
            if hasattr(given, name):
                setattr(applied, name, getattr(given, name))
        return applied
    try:
        return cast("Callable[..., Any]", given())
    except TypeError as error:
        raise UsageError(
            f"--implementation {target}: the class cannot be made without arguments ({error}); name an instance"
        ) from None


def _check_signature(target: str, function: Callable[..., Any]) -> None:
    right = "write function(logits, labels, *, weight=None, pos_weight=None, reduction='none')"
    try:
        signature = signature_of(function)
        needed = [
            name
            for name, parameter in signature.parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        ]
        if needed:
            raise UsageError(f"--implementation {target}: unknown required keyword '{needed[0]}'; {right}")
        signature.bind("logits", "labels")
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"--implementation {target}: cannot be called with logits and labels ({error}); {right}"
        ) from None

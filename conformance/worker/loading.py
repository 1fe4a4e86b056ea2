"""How an adapter's file becomes an object."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from conformance.adapter import Adapter
from conformance.errors import UsageError


def load(name: str, folder: Path) -> Adapter:
    """Load ``folder/adapter.py`` under a private module name and instantiate its ``ADAPTER`` class.

    Raises UsageError if it is no adapter, and ImportError when its framework is not installed.
    """
    path = folder / "adapter.py"
    try:
        module = load_module(f"_conformance_adapter_{name}", path)
    except (ImportError, UsageError):
        raise
    except Exception as error:
        raise UsageError(f"{path}: it does not run: {type(error).__name__}: {_flat(error)}; mend the adapter") from None
    adapter_class = getattr(module, "ADAPTER", None)
    if not (isinstance(adapter_class, type) and issubclass(adapter_class, Adapter)):
        raise UsageError(f"{path}: no ADAPTER; set ADAPTER to a subclass of conformance.adapter.Adapter")
    try:
        return adapter_class()
    except TypeError as error:
        raise UsageError(f"{path}: {_flat(error)}; conformance.adapter.Adapter says what it needs") from None


def load_module(name: str, path: Path) -> Any:
    """Import a file by path, without putting its folder on sys.path."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a Python file; name a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _flat(error: Exception) -> str:
    return " ".join(str(error).split())

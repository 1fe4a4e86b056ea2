"""How an adapter's file becomes an object."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from typing import Any

from conformance.adapter import Adapter
from conformance.errors import UsageError

_PACKAGE = Path(__file__).resolve().parents[1]
_SIBLINGS = "conformance.adapters"


class Siblings(importlib.abc.MetaPathFinder):
    """Finds ``conformance.adapters.NAME``: the adapter NAME of this suite, or what several share, as a module.

    The folder is no package of that name in a clone, and its files are no modules in a wheel.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:  # noqa: ARG002
        """The specification of such a module; None for all else."""
        above, _, last = name.rpartition(".")
        if name == _SIBLINGS:
            return importlib.machinery.ModuleSpec(name, None, is_package=True)
        if above != _SIBLINGS:
            return None
        for place in (_PACKAGE / "adapters", _PACKAGE.parent / "adapters"):
            for file in (place / last / "adapter.py", place / f"{last}.py"):
                if file.is_file():
                    return importlib.util.spec_from_file_location(name, file)
        raise UsageError(f"no adapter '{last}' to build upon; the folders of this suite's adapters name them")


def load(name: str, folder: Path) -> Adapter:
    """Load ``folder/adapter.py`` under a private module name and instantiate its ``ADAPTER`` class.

    Raises UsageError if it is no adapter, and ImportError when its framework is not installed.
    """
    path = folder / "adapter.py"
    if not any(isinstance(each, Siblings) for each in sys.meta_path):
        sys.meta_path.insert(0, Siblings())
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

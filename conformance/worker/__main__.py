"""The program of a worker: ``PYTHON path/to/worker/__main__.py``, which talks over its standard input and output.

adapters/PROTOCOL.md says what it is asked. It is run by path, in an environment where nothing of the suite is
installed: the few modules that it may import under the name ``conformance`` are found beside it, and no other is.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parents[1]
# What adapters are written against, how bad input is told, and the formula in NumPy, which a control rounds.
_MODULES = {f"conformance.{name}": f"{name}.py" for name in ("adapter", "errors", "layout", "operator")}
_MODULES["conformance.worker"] = "worker/__init__.py"
_MODULES["conformance.testing"] = "worker/testing.py"  # the file of a test, where its function is
_MODULES.update(
    {
        f"conformance.worker.{path.stem}": f"worker/{path.name}"
        for path in Path(__file__).parent.glob("*.py")
        if not path.stem.startswith("__")
    }
)


class _Here(importlib.abc.MetaPathFinder):
    """Finds the modules above, and says of the others that they are not here, though they be installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:  # noqa: ARG002
        """The specification of a module of ``conformance``; None for all else."""
        if name == "conformance":
            return importlib.machinery.ModuleSpec(name, None, is_package=True)
        if name in _MODULES:
            return importlib.util.spec_from_file_location(name, _PACKAGE / _MODULES[name])
        if name.startswith("conformance."):
            raise ModuleNotFoundError(f"no module '{name}' where implementations run", name=name)
        return None


def _private_pipes() -> tuple[int, int]:
    """Standard input and output under other numbers: what a candidate prints is not an answer."""
    reading, writing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return reading, writing


def main() -> None:
    """Answer until the other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that writes the records
    warnings.simplefilter("ignore")  # what a framework warns of is its users' business
    reading, writing = _private_pipes()
    sys.path[:] = [each for each in sys.path if Path(each).resolve() != _PACKAGE / "worker"]
    sys.meta_path.insert(0, _Here())
    from conformance.worker.server import Server
    from conformance.worker.wire import Channel

    Server(Channel(reading, writing)).serve()


if __name__ == "__main__":
    main()

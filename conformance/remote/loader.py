"""How an adapter becomes an object: from the directory listing, an entry point, or a path on the command line."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

from conformance.adapter import Adapter
from conformance.errors import UsageError
from conformance.remote import manifest
from conformance.remote.quiet import frameworks_hushed
from conformance.storage import content
from conformance.worker import loading

ENTRY_POINTS = "conformance.adapters"


def available() -> dict[str, Path]:
    """Names and folders of the adapters that come along and of those that installed packages bring."""
    return {**_installed(), **content.adapter_folders()}


def beside() -> dict[str, Path]:
    """Those that are judged where none was named: whose frameworks share an environment with the engine.

    Of this suite's own these are the ones whose adapter.toml says what is installed ``beside`` it.
    """
    own = content.adapter_folders()
    return {name: folder for name, folder in available().items() if name not in own or manifest.read(folder).beside}


def locate(given: str) -> tuple[str, Path]:
    """Name and folder of an adapter given by name or by the path of its folder. Raises UsageError."""
    known = available()
    if given in known:
        return given, known[given]
    folder = Path(given).resolve()
    if len(Path(given).parts) > 1 or folder.is_dir():
        if not any((folder / name).is_file() for name in ("adapter.py", "adapter.toml")):
            raise UsageError(f"adapter '{given}': no file adapter.py there; name a folder that holds one")
        if folder.name in known:
            raise UsageError(f"adapter '{given}': there is an adapter '{folder.name}' already; rename the folder")
        return folder.name, folder
    raise UsageError(f"unknown adapter '{given}'; known: {', '.join(known)}; or name a folder: path/to/{given}")


def load(name: str, folder: Path) -> Adapter:
    """Load ``folder/adapter.py`` into this process and instantiate its ``ADAPTER`` class.

    Raises UsageError if it is no adapter, and ImportError when its framework is not installed.
    """
    # It imports its framework.
    with frameworks_hushed():
        return loading.load(name, folder)


def _installed() -> dict[str, Path]:
    """Adapters of installed packages: the entry point names the module in the adapter's folder."""
    found = {}
    for point in metadata.entry_points(group=ENTRY_POINTS):
        try:
            spec = importlib.util.find_spec(point.module)
        except ImportError:
            spec = None
        if spec is None or not spec.origin or Path(spec.origin).name != "adapter.py":
            raise UsageError(
                f"entry point '{point.name}' of {ENTRY_POINTS}: '{point.value}' is not a module adapter.py; "
                "name one, or uninstall its package"
            )
        found[point.name] = Path(spec.origin).parent
    return found

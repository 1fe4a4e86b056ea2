"""An adapter, opened: in this process, or in workers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.adapter import Adapter
from conformance.errors import UsageError
from conformance.remote import environments, loader, manifest
from conformance.remote.environments import Place
from conformance.remote.link import Limits, Link, Missing, Start
from conformance.remote.proxy import RemoteAdapter


@dataclass
class Opened:
    """What stands behind one --adapter; ``missing`` says why there is none.

    ``brought`` are the adapters of implementations that were brought along, by target: such a one may change its
    framework, and has a worker of its own.
    """

    label: str
    folder: Path
    adapter: Adapter | None = None
    missing: str = ""
    brought: dict[str, RemoteAdapter] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)


def opened(
    asked: str, limits: Limits | None, implementations: Sequence[str], targets: Sequence[str], threads: int
) -> Opened:
    """Open it in this process or, with ``limits``, in workers. Raises UsageError for what cannot be used.

    ``implementations`` are the names that were asked for, ``targets`` those of them that were brought along.
    """
    place = environments.locate(asked)
    if limits is None:
        return _here(asked, place)
    start = Start(place.name, place.folder, place.command, threads=threads, gibibytes=limits.gibibytes)
    only_targets = bool(targets) and len(targets) == len(implementations)
    result = Opened(asked, place.folder)
    try:
        # If nothing else is judged, the worker of the first of them tells of the adapter.
        for target in ([] if only_targets else [""]) + list(targets):
            link = Link(dataclasses.replace(start, targets=(target,) if target else ()))
            adapter = RemoteAdapter(link, link.hello())
            result.label = place.label(adapter.version)
            adapter.judged_as(result.label)
            result.links.append(link)
            result.adapter = result.adapter or adapter
            if target:
                result.brought[target] = adapter
    except Missing as missing:
        for link in result.links:
            link.close()
        return Opened(asked, place.folder, missing=_told(missing, place))
    return result


def _here(asked: str, place: Place) -> Opened:
    if place.elsewhere:
        raise UsageError(
            f"--adapter {asked}: in this process there is only the engine's own environment; leave out what stands "
            "after the name, or judge in a worker"
        )
    try:
        return Opened(place.name, place.folder, loader.load(place.name, place.folder))
    except ImportError as error:
        missing = Missing(error.name or "" if isinstance(error, ModuleNotFoundError) else "", str(error))
        if missing.module.startswith("conformance"):
            raise
        return Opened(place.name, place.folder, missing=_told(missing, place))


def _told(missing: Missing, place: Place) -> str:
    if not missing.module:
        return f"it does not import here: {' '.join(missing.why.split())}"
    if place.elsewhere:
        return f"no module '{missing.module}' in the environment of {place.command[0]}"
    known = manifest.read(place.folder)
    if not known.beside:
        made = (
            f"--adapter '{place.name}{known.versions}' makes an environment, " if known.framework or known.npm else ""
        )
        return f"no module '{missing.module}'; {made}{place.name}@path/to/python takes one that has it"
    return f"no module '{missing.module}'; pip install 'sigmoid-xent-conformance[{place.name}]'"

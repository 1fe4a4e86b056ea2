"""Where a framework is: in the engine's own environment, in the user's, or in one that the suite makes for a version.

``pytorch`` is the first, ``pytorch@path/to/python`` the second, ``pytorch==2.8.0`` (or any specifier) the third, where
``jax[optax==0.2.4]==0.6.2`` also says in which version it gets what it needs besides. What is made is kept in the
user's cache folder; ``python -m conformance environments`` lists and removes it.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from rich.console import Console

from conformance.errors import UsageError
from conformance.remote import loader, manifest
from conformance.storage.files import Lock

_ASKED = re.compile(r"(?P<name>[^@=<>!~\[]+)(?:\[(?P<pins>[^\]]+)\])?(?:@(?P<python>.+)|(?P<versions>[=<>!~].*))?")
_MADE = "made.json"


@dataclass(frozen=True)
class Place:
    """An adapter and where its framework is. ``elsewhere`` says that it is not the engine's own environment."""

    name: str
    folder: Path
    command: tuple[str, ...]
    elsewhere: bool = False
    pins: str = ""

    def label(self, version: str) -> str:
        """The name under which it is judged: with its version where that was chosen, as pip takes it."""
        pins = f"[{self.pins}]" if self.pins else ""
        return f"{self.name}{pins}=={version.partition('+')[0]}" if self.elsewhere else self.name


@dataclass(frozen=True)
class Made:
    """An environment in the cache folder."""

    folder: Path
    requirements: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(each.stat().st_size for each in self.folder.rglob("*") if each.is_file() and not each.is_symlink())


def locate(asked: str) -> Place:
    """The place of what stands behind --adapter; an environment is made if there is none. Raises UsageError."""
    parts = _ASKED.fullmatch(asked)
    if parts is None:
        raise UsageError(f"--adapter {asked}: write NAME, NAME@path/to/python or NAME==VERSION")
    name, folder = loader.locate(parts["name"])
    known = manifest.read(folder)
    if parts["python"]:
        return Place(name, folder, known.started_by(folder, _interpreter(asked, parts["python"])), elsewhere=True)
    pins = parts["pins"] or ""
    if pins and not parts["versions"]:
        raise UsageError(f"--adapter {asked}: [{pins}] is for an environment that is made; write NAME[{pins}]==VERSION")
    if parts["versions"]:
        versions, pinned = _versions(asked, parts["versions"]), _pinned(asked, pins)
        made, python = _environment(asked, name, known, versions, pinned)
        return Place(name, folder, known.started_by(folder, str(python), str(made)), elsewhere=True, pins=pins)
    return Place(name, folder, known.started_by(folder, sys.executable))


def kept() -> Iterator[Made]:
    """The environments that were made."""
    for path in sorted(_root().glob(f"*/{_MADE}")):
        yield Made(path.parent, tuple(json.loads(path.read_text(encoding="utf-8"))))


def remove(made: Made) -> None:
    """Delete an environment."""
    shutil.rmtree(made.folder)


def command(options: argparse.Namespace) -> int:
    """The verb: list the environments that were made, or remove some."""
    made = list(kept())
    chosen = [
        each for each in made if any(fnmatch.fnmatchcase(each.folder.name, f"{glob}*") for glob in options.remove)
    ]
    if options.remove and not chosen:
        known = ", ".join(each.folder.name for each in made) or "there is none"
        raise UsageError(f"--remove: no environment is called so; known: {known}")
    console = Console()
    for each in chosen:
        remove(each)
        console.print(f"removed {each.folder}", soft_wrap=True, markup=False)
    if not options.remove:
        for each in made:
            size = f"{each.size / 2**20:,.0f} MiB"
            console.print(f"{each.folder.name}: {size}: {', '.join(each.requirements)}", soft_wrap=True, markup=False)
        console.print(f"{len(made)} environments in {_root()}", soft_wrap=True, markup=False)
    return 0


def add_parser(verbs: Any) -> None:
    """The grammar of the verb."""
    each = verbs.add_parser(
        "environments",
        help="list or remove the environments that were made for a framework's versions",
        description="List the environments that --adapter NAME==VERSION has made, or remove some.",
    )
    each.add_argument(
        "--remove", action="append", default=[], metavar="GLOB", help="remove those whose name begins so (repeatable)"
    )


def _root() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "sigmoid-xent-conformance" / "environments"


def _interpreter(asked: str, given: str) -> str:
    found = shutil.which(given)
    if found is None:
        raise UsageError(f"--adapter {asked}: no interpreter '{given}'; name one, as in NAME@/path/to/bin/python")
    return found


def _versions(asked: str, text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise UsageError(f"--adapter {asked}: '{text}' is no version; write NAME==1.2.3, or any specifier") from None


def _pinned(asked: str, text: str) -> list[str]:
    try:
        return [str(Requirement(each)) for each in text.split(",") if each]
    except InvalidRequirement:
        raise UsageError(f"--adapter {asked}: '{text}' names no versions; write NAME[optax==0.2.4]==VERSION") from None


def _environment(
    asked: str, name: str, known: manifest.Manifest, versions: SpecifierSet, pins: Sequence[str]
) -> tuple[Path, Path]:
    """The folder of an environment with these versions, and its interpreter; it is made once."""
    if not (known.framework or known.npm):
        raise UsageError(
            f"--adapter {asked}: its adapter.toml names no framework to install; name a Python: NAME@PYTHON"
        )
    numbers = [each.version for each in versions if each.operator == "=="]
    if any(not known.versions.contains(each.removesuffix(".*"), prereleases=True) for each in numbers):
        raise UsageError(f"--adapter {asked}: the adapter is for versions {known.versions}")
    if known.framework and not known.python.contains(platform.python_version(), prereleases=True):
        raise UsageError(
            f"--adapter {asked}: the framework is for Python {known.python}, and this is {platform.python_version()}; "
            f"name another one: {name}@PYTHON"
        )
    wanted = [*(known.requirements(versions) or known.packages(versions)), *pins]
    key = hashlib.sha256("\n".join((*wanted, sys.version)).encode()).hexdigest()[:12]
    folder = _root() / f"{re.sub('[^A-Za-z0-9.]+', '-', ''.join((name, str(versions), *pins)))}-{key}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / _MADE).is_file():
        _make(asked, folder, python if known.framework else None, wanted)
    return folder, python


def _make(asked: str, folder: Path, python: Path | None, wanted: Sequence[str]) -> None:
    lock = Lock(folder.with_name(f"{folder.name}.making"))
    try:
        with Console(stderr=True).status(f"making an environment for {asked} in {folder}"):
            shutil.rmtree(folder, ignore_errors=True)
            _install(asked, folder, python, wanted) if python else _fetch(asked, folder, wanted)
        (folder / _MADE).write_text(json.dumps(list(wanted)), encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        lock.release()
        shutil.rmtree(folder.with_name(f"{folder.name}.making"), ignore_errors=True)


def _install(asked: str, folder: Path, python: Path, wanted: Sequence[str]) -> None:
    uv = shutil.which("uv")
    if uv is not None and not _said([uv, "venv", "--quiet", "--python", sys.executable, str(folder)]):
        if not _said([uv, "pip", "install", "--quiet", "--python", str(python), *wanted]):
            return
        shutil.rmtree(folder, ignore_errors=True)  # pip knows of places that uv does not
    venv.create(folder, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    if (told := _said(command)) is not None:
        raise UsageError(f"--adapter {asked}: no environment with {', '.join(wanted)}: {told}")


def _fetch(asked: str, folder: Path, wanted: Sequence[str]) -> None:
    """Packages of npm."""
    npm = shutil.which("npm")
    if npm is None:
        raise UsageError(f"--adapter {asked}: no npm here to install {', '.join(wanted)}")
    folder.mkdir(parents=True)
    if (told := _said([npm, "install", "--silent", "--no-audit", "--prefix", str(folder), *wanted])) is not None:
        raise UsageError(f"--adapter {asked}: no environment with {', '.join(wanted)}: {told}")


def _said(command: Sequence[str]) -> str | None:
    """The last line that a command wrote; None if it succeeded."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if not ended.returncode:
        return None
    lines = [line for line in (ended.stderr + ended.stdout).strip().splitlines() if line.strip()]
    return next(
        (line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "it said nothing"
    )

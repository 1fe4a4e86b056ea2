"""The command line in a process of its own, and what it recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from conformance.records import record
from conformance.storage import content

ROOT = content.PACKAGE.parent


def command(*arguments: str) -> list[str]:
    """The command line as a list."""
    return [sys.executable, "-m", "conformance", *arguments]


def interruptible(*arguments: str) -> list[str]:
    """The command line, which heeds Ctrl-C even where whoever runs the tests has it ignored, as a shell's jobs do.

    Not by preexec_fn: that forks, and JAX warns of a fork once it is imported.
    """
    heed = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", heed, *command(*arguments)]


def environment(*paths: str) -> dict[str, str]:
    """An environment in which the clone is imported, and modules from ``paths``."""
    # The command is no worker of the tests' own xdist.
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return {**own, "PYTHONPATH": os.pathsep.join((str(ROOT), *paths)), "COLUMNS": "200"}


def conformance(*arguments: str, cwd: Path = ROOT, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        command(*arguments),
        capture_output=True, text=True, check=False, cwd=cwd, env=environment(*filter(None, [path])),
    )  # fmt: skip


def without(module: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line where a module cannot be imported; ``folder`` takes what hides it."""
    (folder / "sitecustomize.py").write_text(
        "import sys\nclass Missing:\n    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise ModuleNotFoundError('hidden', name={module!r})\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    hiding = {**environment(), "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, cwd=folder, env=hiding)


def checks(folder: Path) -> list[record.Record]:
    """The checks of a run, in a fixed order."""
    found = [each for each in record.read(folder / "results.jsonl") if each["record"] == "check"]
    return sorted(found, key=json.dumps)

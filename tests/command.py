"""The command line in a process of its own, and what it recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from conformance import content, record

ROOT = content.PACKAGE.parent


def command(*arguments: str) -> list[str]:
    """The command line as a list."""
    return [sys.executable, "-m", "conformance", *arguments]


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


def checks(folder: Path) -> list[record.Record]:
    """The checks of a run, in a fixed order."""
    found = [each for each in record.read(folder / "results.jsonl") if each["record"] == "check"]
    return sorted(found, key=json.dumps)

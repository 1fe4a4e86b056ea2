"""Which versions of a distribution there are: what pip's index says."""

from __future__ import annotations

import re
import subprocess
import sys

from packaging.version import InvalidVersion, Version

from conformance.errors import UsageError


def releases(distribution: str) -> list[Version]:
    """Every release, no pre-release, the oldest first. Raises UsageError where pip knows of none."""
    command = [sys.executable, "-m", "pip", "index", "versions", distribution, "--disable-pip-version-check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    listed = re.search(r"^Available versions: (.*)$", ended.stdout, re.MULTILINE)
    if listed is None:
        told = next((line for line in ended.stderr.splitlines() if line.startswith("ERROR")), "it lists no versions")
        raise UsageError(f"pip index versions {distribution}: {told}")
    found = []
    for text in listed[1].split(","):
        try:
            found.append(Version(text.strip()))
        except InvalidVersion:
            continue
    return sorted(each for each in found if not each.is_prerelease)

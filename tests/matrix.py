"""Every framework that is not installed beside the engine: ``python -m tests.matrix`` (``tox -e frameworks``).

Each adapter's published versions are judged in environments that are made for them, one run an adapter, and merged into
one page; ``--quick`` hears the quick part only. What cannot be installed here is no data. Exit code 1 if a run found
what no ledger says, or judged nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from conformance.remote import manifest
from conformance.storage import content

OUT = content.PACKAGE.parent / "reports" / "out" / "frameworks"


def asked() -> dict[str, list[str]]:
    """What is written behind --adapter for each, by adapter."""
    found = {}
    for name, folder in content.adapter_folders().items():
        known = manifest.read(folder)
        if known.published and not known.beside:
            found[name] = [f"{name}=={version}" for version in known.published]
    return found


def main() -> int:
    """Judge them one after the other, and write the page."""
    choices = asked()
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__.splitlines()[0])
    parser.add_argument("--adapter", action="append", choices=choices, help="only this one")
    parser.add_argument("--quick", action="store_true", help="the quick part only")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder of the runs (default: %(default)s)")
    options = parser.parse_args()
    console, judge, bad = Console(), [sys.executable, "-m", "conformance"], []
    for name in options.adapter or choices:
        console.rule(name)
        command = [*judge, "run", "--out", str(options.out / name), *(["--quick"] if options.quick else [])]
        command += [word for each in choices[name] for word in ("--adapter", each)]
        if status := subprocess.run([*command, "--", "-n", "2"], check=False).returncode:
            bad.append(f"{name} (exit code {status})")
    if any(options.out.rglob("results.jsonl")):
        subprocess.run([*judge, "report", str(options.out), "--out", str(options.out / "index.html")], check=True)
    console.print(f"not as the ledgers say: {', '.join(bad)}" if bad else "every framework is as its ledger says")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

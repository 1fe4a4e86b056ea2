"""Every framework that is not installed beside the engine: ``python -m tests.matrix`` (``tox -e frameworks``).

Each adapter's newest published version is judged in an environment that is made for it, and the runs are merged into
one page; ``--quick`` hears the quick part only. Older releases are told by reports/versions, in fewer clauses. What
cannot be installed here is no data. Exit code 1 if a run found what no ledger says, or judged nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from packaging.version import Version
from rich.console import Console

from conformance.remote import manifest
from conformance.storage import content

OUT = content.PACKAGE.parent / "reports" / "out" / "frameworks"


def asked() -> dict[str, str]:
    """What is written behind --adapter for each, by adapter."""
    known = {name: manifest.read(folder) for name, folder in content.adapter_folders().items()}
    return {
        name: f"{name}=={max(each.published, key=Version)}"
        for name, each in known.items()
        if each.published and not each.beside
    }


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
        command = [*judge, "run", "--adapter", choices[name], "--out", str(options.out / name)]
        command += ["--quick"] if options.quick else []
        if status := subprocess.run([*command, "--", "-n", "2"], check=False).returncode:
            bad.append(f"{name} (exit code {status})")
    if any(options.out.rglob("results.jsonl")):
        subprocess.run([*judge, "report", str(options.out), "--out", str(options.out / "index.html")], check=True)
    console.print(f"not as the ledgers say: {', '.join(bad)}" if bad else "every framework is as its ledger says")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

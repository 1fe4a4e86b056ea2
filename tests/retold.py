"""Put what the ledgers and manifests say today into the first lines of published runs.

`python -m tests.retold [FILE...]` rewrites titles, reasons, harms, reproducers and links of deviations, and what
adapter.toml tells of its framework. No check is touched, nor which deviation it is: only words that a person wrote.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

from conformance.records import record
from conformance.records.ledger import FILE, load
from conformance.remote import manifest
from conformance.report import release
from conformance.storage import content

REPORTS = content.PACKAGE.parent / "reports"


def published() -> list[Path]:
    """Every published run."""
    return sorted(REPORTS.rglob("*.jsonl.gz"))


def retold(head: record.Record) -> record.Record:
    """A run's first line in the words of today."""
    folders = content.adapter_folders()
    adapters, deviations = {}, {}
    for name, facts in head["adapters"].items():
        folder = folders[release.taken_apart(name, "")[0]]
        kept = {key: value for key, value in facts.items() if key not in ("title", "states")}
        adapters[name] = {**kept, **manifest.read(folder).told()}
        if name in head["deviations"]:
            deviations[name] = load(folder / FILE).texts()
    return {**head, "adapters": adapters, "deviations": deviations}


def main(arguments: list[str]) -> int:
    """Rewrite the files that were named, or all that are published."""
    for path in [Path(each) for each in arguments] or published():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            first, rest = file.readline(), file.read()
        new = record.line(retold(json.loads(first))) + "\n"
        if new != first:
            # No name and no time of day in it: the same text is the same file.
            path.write_bytes(gzip.compress((new + rest).encode(), mtime=0))
            print(f"{path}: told anew")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

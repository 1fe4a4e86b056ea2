"""What became of the stages: DIR's files, the last line, the exit code.

DIR holds summary.json, and for each stage STAGE.tar.gz with a folder a step: records, logs, no pages.
"""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu.here import NO_MODULE, Found
from benchmarks.gpu.plan import Stage

KEPT = (".jsonl", ".json", ".txt")
MOST = 120 << 20  # bytes before compression, which makes a tenth of them: 16 MiB are brought back from everywhere
_LOG = 1 << 20  # bytes of a log's end that are kept


class Account:
    """Of one run. ``end``: when the budget is spent, of the monotonic clock."""

    def __init__(self, out: Path, scratch: Path, end: float) -> None:
        self.out, self.scratch, self.end = out, scratch, end
        self.found = Found("gpu")
        self.cut = False
        self.stages: dict[str, dict[str, dict[str, object]]] = {}
        self.seconds: dict[str, float] = {}
        self.dropped: set[str] = set()
        out.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, and pack it whatever happens."""
        start = time.monotonic()
        self.stages[name] = {}
        (self.scratch / name).mkdir(exist_ok=True)
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - start
            self.pack(name)

    def ran(self, stage: str, step: str, seconds: float, reason: str) -> None:
        """Note what became of a step; '' if it ran to its end."""
        self.stages[stage][step] = {"seconds": round(seconds, 1), "missing": reason}
        state = reason or "ran"
        print(f"{stage}/{step}: {state} ({seconds:.0f} s)", flush=True)

    def left_out(self, stage: Stage, reason: str) -> None:
        """Note a stage of which nothing runs."""
        self.stages[stage.name] = {each.name: {"seconds": 0.0, "missing": f"not run: {reason}"} for each in stage.steps}
        self.seconds[stage.name] = 0.0

    def pack(self, stage: str) -> None:
        """Put the stage's records into DIR, whole or not at all."""
        folder, path = self.scratch / stage, self.out / f"{stage}.tar.gz"
        temporary, size = path.with_suffix(".tmp"), 0
        with tarfile.open(temporary, "w:gz", compresslevel=3) as archive:
            for each in sorted(folder.rglob("*"), key=lambda path: (path.suffix == ".txt", path)):
                name = str(each.relative_to(self.scratch))
                if not each.is_file() or each.suffix not in KEPT:
                    continue
                if size + each.stat().st_size > MOST:
                    self.dropped.add(name)
                else:
                    size += _add(archive, each, name)
        temporary.replace(path)
        self.write()

    def write(self) -> None:
        """summary.json."""
        told = {"line": self.line(), "seconds": self.seconds, "stages": self.stages, "card": self.found.card}
        told["too_large"] = sorted(self.dropped)
        temporary = self.out / "summary.tmp"
        temporary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.out / "summary.json")

    def line(self) -> str:
        """Which stages ran, how long, what is missing and why."""
        ran = [f"{name} {self.seconds[name]:.0f} s" for name in self.stages if name in self.seconds and self._any(name)]
        reasons: dict[str, list[str]] = {}
        for stage, steps in self.stages.items():
            for step, each in steps.items():
                if each["missing"]:
                    reasons.setdefault(str(each["missing"]), []).append(f"{stage}/{step}")
        missing = [f"{', '.join(steps)} {reason}" for reason, steps in reasons.items()]
        text = f"ran: {', '.join(ran) or 'nothing'}; missing: {'; '.join(missing) or 'nothing'}"
        return f"cut off; {text}" if self.cut else text

    def code(self) -> int:
        """0: everything ran but for frameworks that are not installed, 1: less than that, 2: nothing."""
        if not any(self._any(name) for name in self.stages):
            return 2
        missing = [str(each["missing"]) for steps in self.stages.values() for each in steps.values() if each["missing"]]
        return 1 if self.cut or any(NO_MODULE not in each for each in missing) else 0

    def _any(self, stage: str) -> bool:
        return any(not str(each["missing"]).startswith("not run") for each in self.stages[stage].values())


def _add(archive: tarfile.TarFile, path: Path, name: str) -> int:
    """Add a file as it is now, a log's end only; it may grow meanwhile. Returns how many bytes it has."""
    data = path.read_bytes()
    if path.suffix == ".txt":
        data = data[-_LOG:]
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = len(data), int(path.stat().st_mtime)
    archive.addfile(entry, io.BytesIO(data))
    return len(data)

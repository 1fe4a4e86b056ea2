"""Running the reproducers that a page shows: each with its framework alone, and what it prints held against the record.

The scripts of one framework share a process, for frameworks import slowly, and each has a namespace of its own; one
that changes the framework for good has a process of its own: a v1 Session switches eager mode off, torch.compile the
validation of distributions.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conformance.arithmetic.dtype import DTYPES
from conformance.arithmetic.number import parse
from conformance.records.record import Record
from conformance.remote import environments

# Frameworks print four digits unless told otherwise, and a lost bit is further behind than that.
_DRIVER = """
import contextlib, io, json, sys, warnings
warnings.simplefilter("ignore")
import numpy
numpy.set_printoptions(precision=17, threshold=100000)
results = []
for text in json.load(sys.stdin):
    with contextlib.suppress(Exception):
        exec(text.splitlines()[0], {})
    if "torch" in sys.modules:
        sys.modules["torch"].set_printoptions(precision=17, threshold=100000)
    out = io.StringIO()
    error = ""
    with contextlib.redirect_stdout(out):
        try:
            exec(compile(text, "<reproducer>", "exec"), {"__name__": "__main__"})
        except Exception as raised:
            error = type(raised).__name__
    results.append([out.getvalue(), error])
print("\\n@@" + json.dumps(results))
"""
_LASTING = ("disable_eager_execution", "torch.compile")
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:inf|nan|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![\w])", re.IGNORECASE)
_TOLD = re.compile(r"# got (.+), exact (.+)$")
TIMEOUT = 600


@dataclass(frozen=True)
class Printed:
    """What a script left behind."""

    text: str
    error: str = ""

    def numbers(self) -> list[float]:
        """Every number in the text; a shape or a dtype beside a tensor is not one."""
        bare = re.sub(r"shape=\([^)]*\)|size=\([^)]*\)|dtype=[\w.]+|torch\.\w+|tf\.Tensor\(", " ", self.text)
        return [float(each) for each in _NUMBER.findall(bare)]


def run_all(scripts: Sequence[str], python: str = sys.executable) -> list[Printed]:
    """Run scripts of one framework, in as few processes as they allow."""
    together = [index for index, text in enumerate(scripts) if not any(each in text for each in _LASTING)]
    batches = [together] if together else []
    batches += [[index] for index in range(len(scripts)) if index not in set(together)]
    found: dict[int, Printed] = {}
    for batch in batches:
        for index, printed in zip(batch, _process([scripts[index] for index in batch], python), strict=True):
            found[index] = printed
    return [found[index] for index in range(len(scripts))]


def shows(script: str, example: Record, printed: Printed) -> str:
    """'' if what was printed shows the deviation; else what is missing."""
    if _raises(script) or example["outcome"] == "errored" or example["signature"] == "not-differentiable":
        return "" if printed.error else "it raised nothing"
    if printed.error:
        return f"it raised {printed.error}"
    if told := _TOLD.search(script.splitlines()[-1]):
        return _shows_number(told.group(1), told.group(2), printed, example["subject"]["dtype"])
    if shape := re.search(r"shape \[([\d, ]*)\]$", example.get("detail", "")):
        wanted = math.prod(int(size) for size in shape.group(1).split(",") if size.strip())
        seen = len(printed.numbers())
        return "" if seen == wanted else f"it printed {seen} numbers, not {wanted}"
    if gave := re.search(r"gave \w+ \[([^\]]*)", example.get("detail", "")):
        first = float(gave.group(1).split(",")[0])
        return "" if any(math.isclose(each, first, rel_tol=1e-6) for each in printed.numbers()) else f"no {first}"
    return "" if printed.text.strip() else "it printed nothing"


def _raises(script: str) -> bool:
    told = _TOLD.search(script.splitlines()[-1])
    return told is not None and told.group(1).endswith("Error")


def _shows_number(got: str, exact: str, printed: Printed, dtype: str) -> str:
    wanted, right = _value(got), _value(exact)
    if wanted is None:
        return "" if got in printed.text else f"it did not print {got}"
    if any(_same(each, wanted, dtype) for each in printed.numbers()) and (right is None or wanted != right):
        return ""
    return f"it did not print {got}"


def _same(a: float, b: float, dtype: str) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    # NumPy prints the shortest decimal that is the same number in the dtype; a result may have a wider one.
    narrow = DTYPES[dtype].numpy if dtype in DTYPES else np.dtype(float)
    with np.errstate(over="ignore"):
        return a == b or bool(np.float64(a).astype(narrow) == np.float64(b).astype(narrow))


def _value(text: str) -> float | None:
    try:
        return float(parse(text.strip()))
    except ValueError:
        return None


def _process(scripts: Sequence[str], python: str) -> Iterable[Printed]:
    done = subprocess.run(
        [python, "-c", _DRIVER],
        input=json.dumps(list(scripts)), capture_output=True, text=True, check=False, timeout=TIMEOUT,
    )  # fmt: skip
    if "@@" not in done.stdout:
        return [Printed("", f"process ended with {done.returncode}: {done.stderr.strip()[-200:]}")] * len(scripts)
    return [Printed(*pair) for pair in json.loads(done.stdout.rsplit("@@", 1)[1])]


def failures(causes: Iterable[Mapping[str, Any]], adapter: str) -> tuple[int, list[str]]:
    """How many reproducers of the adapter's deviations were run, and a line for each that shows nothing."""
    chosen = [each for each in causes if each["adapter"] == adapter and each["reproducer"]]
    without = [each for each in causes if each["adapter"] == adapter and not each["reproducer"]]
    lines = [f"{adapter} {each['id']}: no reproducer" for each in without]
    # What was found in a version shows there.
    python = environments.locate(adapter).command[0] if "==" in adapter else sys.executable
    for cause, printed in zip(chosen, run_all([each["reproducer"] for each in chosen], python), strict=True):
        if missing := shows(cause["reproducer"], cause["example"], printed):
            lines.append(f"{adapter} {cause['id']}: {missing}: {printed.text.strip()[:300]!r}")
    return len(chosen), lines

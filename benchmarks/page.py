"""How long the page takes: 100,000 checks of 12 runs, built, painted and filtered. ``python -m benchmarks.page``.

The runs are cut from the published one: its subjects dealt to twelve machines and days, and where more checks are asked
for, the subjects again in versions that do not exist. Paint and filter are measured by the browser's own
performance API.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from conformance.records import record
from conformance.records.record import Record

PUBLISHED = Path(__file__).parent.parent / "reports" / "cpu" / "results.jsonl.gz"
RUNS, CHECKS = 12, 100_000
LIMITS = {"build_s": 10.0, "size_mb": 15.0, "first_paint_s": 1.0, "filter_ms": 100.0}
_FILTERS = (("dtype", "float32"), ("framework", "pytorch"), ("level", "must"), ("state", "deviating"), ("dtype", ""))


def main() -> int:
    """Print the figures as JSON; 1 if one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser (default: %(default)s)")
    parser.add_argument("--checks", type=int, default=CHECKS, help="how many (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = list(write_runs(Path(folder), options.checks))
        page = Path(folder) / "page.html"
        start = time.perf_counter()
        command = [sys.executable, "-m", "conformance", "report", *map(str, paths), "--out", str(page)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        figures = {"build_s": time.perf_counter() - start, "size_mb": page.stat().st_size / 1e6}
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures["build_cpu_s"] = used.ru_utime + used.ru_stime
        figures |= browse(page, options.chromium)
    late = [name for name, limit in LIMITS.items() if figures[name] > limit]
    print(json.dumps({name: round(value, 3) for name, value in figures.items()} | {"beyond": late}))
    return 1 if late else 0


def write_runs(folder: Path, checks: int) -> Iterator[Path]:
    """Twelve result files with so many checks in all."""
    head, *rest = record.read(PUBLISHED)
    shared = [each for each in rest if each["record"] in ("case", "implementation", "grid")]
    published = [each for each in rest if each["record"] == "check"]
    judged = list(itertools.islice(_enough(published), checks))
    measured = [each for each in rest if each["record"] == "curve"]
    owned = [*judged, *measured]
    subjects = sorted({json.dumps(each["subject"]) for each in owned})
    place = {subject: number % RUNS for number, subject in enumerate(subjects)}
    parts: list[list[Record]] = [[] for _ in range(RUNS)]
    for each in owned:
        parts[place[json.dumps(each["subject"])]].append(each)
    for number, part in enumerate(parts):
        run = {**head, "started": f"2026-01-{number + 1:02d}T00:00:00+00:00"}
        path = folder / str(number) / "results.jsonl"
        writer = record.Writer(path)
        for each in (run, *shared, *part):
            writer.write(record.line(each))
        writer.close()
        yield path


def _enough(published: list[Record]) -> Iterator[Record]:
    """The published checks, and again those of subjects with other versions, as often as one likes."""
    yield from published
    for number in itertools.count(1):
        for each in published:
            subject = each["subject"]
            yield {**each, "subject": {**subject, "version": f"{subject['version']}.post{number}"}}


def browse(path: Path, chromium: str | None) -> dict[str, float]:
    """First paint, and the median and worst of a few filters, in a fresh headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        browser.new_page().close()  # the browser's own start is not the page's
        page = browser.new_page(bypass_csp=True)  # to wait for a condition needs eval, which the page forbids
        page.goto(path.as_uri())
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        filters = list(filtering(page))
        browser.close()
    return {"first_paint_s": paint / 1000, "filter_ms": max(filters), "filter_median_ms": statistics.median(filters)}


def filtering(page: Page) -> Iterator[float]:
    """Milliseconds from a choice to the list that it gives, laid out."""
    page.evaluate("address.set({}, { section: 'cases' })")
    page.wait_for_function("book !== null && document.querySelectorAll('#c-list a.row').length > 0")
    for name, value in _FILTERS:
        yield page.evaluate(
            """async ([name, value]) => {
              await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
              performance.mark("chosen");
              const control = document.getElementById(`f-${name}`);
              control.value = value;
              control.dispatchEvent(new Event("change"));
              for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
              document.getElementById("c-list").getBoundingClientRect();
              performance.mark("listed");
              return performance.measure("filter", "chosen", "listed").duration;
            }""",
            [name, value],
        )


if __name__ == "__main__":
    sys.exit(main())

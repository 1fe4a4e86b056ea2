"""The verbs that read records: report, compare, history, reproduce; and explain."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from conformance.errors import UsageError
from conformance.records import record
from conformance.records.record import Record
from conformance.report import accuracy, badge, causes, change, compare, findings, history, markdown, page, teeth
from conformance.report.anatomy import EXAMPLES
from conformance.report.merge import Merged, merge, write_records
from conformance.storage import files
from conformance.verbs import reproduce
from conformance.verbs.explain import explain

console = Console()


def report(options: argparse.Namespace) -> int:
    """Merge runs into a page."""
    paths = [found for path in options.runs for found in results(path)]
    # Nothing here is garbage before the end, and looking for it takes a quarter of the time.
    gc.disable()
    merged = merge(_read(paths))
    written = _written(merged, options)
    gc.enable()
    for note in merged.notes:
        console.print(note, soft_wrap=True, markup=False)
    told = ", ".join(str(path) for path in written)
    console.print(f"{told}: {len(merged.checks)} checks of {len(paths)} runs", soft_wrap=True, markup=False)
    return 0


def _written(merged: Merged, options: argparse.Namespace) -> list[Path]:
    """Write what was asked for, and tell where."""
    named = " ".join(str(path) for path in options.runs)
    makers: dict[str, Callable[[Path], None]] = {
        "out": lambda path: page.write(merged, path, teeth.load(options.teeth) if options.teeth else teeth.published()),
        "markdown": lambda path: files.write(path, markdown.table(merged)),
        "accuracy": lambda path: files.write(path, accuracy.text(merged, named)),
        "findings": lambda path: files.write(path, findings.text(merged, named)),
        "badge": lambda path: files.write(path, badge.badge(merged)),
        "records": lambda path: write_records(merged, path),
    }
    asked = {name: getattr(options, name) for name in makers if getattr(options, name)}
    if not asked:
        raise UsageError("nothing to write; name --out FILE.html, or another of: " + _others(makers))
    for name, path in asked.items():
        makers[name](path)
    return list(asked.values())


def _others(makers: Iterable[str]) -> str:
    return ", ".join(f"--{name}" for name in makers if name != "out")


def compare_runs(options: argparse.Namespace) -> int:
    """Compare two runs; 1 if something got worse in kind."""
    old, new = (_one(path) for path in (options.old, options.new))
    found = compare.compare(old, new, options.ulps)
    if options.markdown:
        files.write(options.markdown, compare.markdown(found))
    if options.out:
        page.write_comparison(found, options.out)
    _print_comparison(found)
    return 1 if found.regressions else 0


def history_page(options: argparse.Namespace) -> int:
    """Write the page of many runs."""
    paths = [found for path in options.runs for found in results(path)]
    found = history.history(_read(paths))
    page.write_history(found, options.out)
    versions = sum(len(each) for each in found.versions.values())
    console.print(
        f"{options.out}: {versions} versions of {len(found.versions)} frameworks", soft_wrap=True, markup=False
    )
    return 0


def reproduce_all(options: argparse.Namespace) -> int:
    """Run every reproducer of the page; 1 if one does not show its deviation."""
    paths = [found for path in options.runs for found in results(path)]
    found = causes.causes(merge(_read(paths)))
    known = sorted({each["adapter"] for each in found})
    for name in options.adapter:
        if name not in known:
            raise UsageError(f"no deviation of '{name}' in these runs; they have: {', '.join(known) or 'none'}")
    failed = 0
    for adapter in options.adapter or known:
        count, lines = reproduce.failures(found, adapter)
        failed += len(lines)
        for line in lines:
            console.print(line, soft_wrap=True, markup=False)
        console.print(f"{adapter}: {count} reproducers run, {count - len(lines)} show their deviation", markup=False)
    return 1 if failed else 0


def results(path: Path) -> list[Path]:
    """The result files that a path names: itself, or those below a folder: results.jsonl, and whatever is published."""
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob("results.jsonl")) + sorted(path.rglob("*.jsonl.gz"))
    if not found:
        raise UsageError(f"{path}: no results.jsonl below it; run the suite first, or name a results.jsonl")
    return found


def _read(paths: list[Path]) -> list[list[Record]]:
    quiet = not console.is_terminal or len(paths) < 2
    return [list(record.read(path)) for path in track(paths, "reading", console=Console(stderr=True), disable=quiet)]


def _one(path: Path) -> list[Record]:
    found = results(path)
    if len(found) == 1:
        return list(record.read(found[0]))
    merged: Merged = merge(_read(found))
    return list(merged.records())


def _print_comparison(found: compare.Comparison) -> None:
    console.print(compare.headline(found), style="bold red" if found.regressions else "bold", soft_wrap=True)
    for name, was, now in found.versions:
        console.print(f"{name} {was} → {now}", soft_wrap=True, markup=False)
    for note in found.notes:
        console.print(note, soft_wrap=True, markup=False)
    if found.changes:
        table = Table("what", "level", "implementation", "clause", "where", "change", "checks", "cases")
        for each in found.changes:
            style = "red" if each.kind in change.REGRESSIONS else "green" if each.kind in ("fixed", "better") else ""
            cells = (each.kind, each.level, f"{each.adapter} {each.implementation}", each.clause, each.where, each.what)
            table.add_row(*map(escape, cells), str(each.count), escape(each.example), style=style)
        console.print(table)
    for adapter, name, told in found.ledger:
        console.print(f"ledger of {adapter}: {name} {told}", soft_wrap=True, markup=False)


def add_parsers(verbs: Any) -> None:
    """The grammar of these verbs."""
    found = "results of one or more runs (plain or .gz), or a folder of them"
    each = verbs.add_parser("report", help="merge runs into one page")
    each.add_argument("runs", nargs="+", type=Path, metavar="RUN.jsonl", help=found)
    each.add_argument("--out", type=Path, metavar="FILE.html", help="write the page")
    each.add_argument("--markdown", type=Path, metavar="FILE.md", help="write what was found as a table")
    each.add_argument("--accuracy", type=Path, metavar="FILE.md", help="write what sweeps counted, as tables")
    each.add_argument("--findings", type=Path, metavar="FILE.md", help="write each deviation as an issue to file")
    each.add_argument("--records", type=Path, metavar="FILE.jsonl", help="write the merged records")
    each.add_argument("--badge", type=Path, metavar="FILE.json", help="write a shields.io endpoint for a badge")
    each.add_argument(
        "--teeth",
        type=Path,
        metavar="FILE.json",
        help="the kill matrix to show (default: reports/teeth.json of the clone)",
    )

    each = verbs.add_parser(
        "compare", help="compare two runs", description="Compare two runs. Exit code 1 if something got worse in kind."
    )
    each.add_argument("old", type=Path, metavar="OLD.jsonl", help="the run from before, or a folder of runs")
    each.add_argument("new", type=Path, metavar="NEW.jsonl", help="the run from after, or a folder of runs")
    each.add_argument(
        "--ulps", type=float, default=1.0, metavar="K", help="errors that moved by more are told (default: 1)"
    )
    each.add_argument("--markdown", type=Path, metavar="FILE.md", help="also write it as Markdown, for a pull request")
    each.add_argument("--out", type=Path, metavar="FILE.html", help="also write it as a page")

    each = verbs.add_parser("history", help="write a page of many runs, by version")
    each.add_argument("runs", nargs="+", type=Path, metavar="RUN.jsonl", help=found)
    each.add_argument("--out", required=True, type=Path, metavar="FILE.html", help="the page to write")

    each = verbs.add_parser(
        "reproduce",
        help="run the reproducers that a page shows",
        description="Run each deviation's reproducer with its framework alone. Exit code 1 if one shows nothing.",
    )
    each.add_argument("runs", nargs="+", type=Path, metavar="RUN.jsonl", help=found)
    each.add_argument(
        "--adapter", action="append", default=[], metavar="NAME", help="only this framework's (repeatable)"
    )

    each = verbs.add_parser("explain", help="show the formula step by step, with shapes and values")
    each.add_argument(
        "--shape", choices=tuple(EXAMPLES), default="multilabel", help="which example (default: %(default)s)"
    )
    each.add_argument("--adapter", action="append", default=[], metavar="NAME", help="only this framework (repeatable)")


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "report": report,
    "compare": compare_runs,
    "history": history_page,
    "reproduce": reproduce_all,
    "explain": explain,
}

"""The verbs that look at what there is: list, prove, promote, ledger."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from conformance.adapter import KEYWORDS
from conformance.errors import UsageError
from conformance.golden import collection, prove
from conformance.judging.choice import Choice
from conformance.judging.opening import open_session
from conformance.records import record
from conformance.records.ledger import FILE
from conformance.remote import loader
from conformance.report import release
from conformance.report.merge import merge
from conformance.report.shares import largest
from conformance.spec import specification
from conformance.spec.clauses import CLAUSES
from conformance.storage import content, files
from conformance.subjects.target import is_target
from conformance.verbs import amendment, draft, promote
from conformance.verbs.reporting import results

console = Console()


def listing(options: argparse.Namespace) -> int:
    """Print what there is."""
    if options.what == "spec":
        _spec(options.run)
    else:
        {"adapters": _adapters, "clauses": _clauses, "cases": _cases}[options.what]()
    return 0


def prove_cases(options: argparse.Namespace) -> int:
    """Prove golden values, or check that they are proven."""
    root = content.folder("cases")
    paths = [path.resolve() for path in options.cases] or content.case_files()
    for path in paths:
        if not path.is_file() or root.resolve() not in path.resolve().parents:
            raise UsageError(f"{path}: not a case; name a .toml file under {root}")
    todo = track(paths, "proving", console=Console(stderr=True), disable=not console.is_terminal)
    if options.check:
        stale = [path for path in todo if not prove.is_proven(path, root)]
        for path in stale:
            console.print(f"{path}: not what is proven; run `python -m conformance prove {path}`", soft_wrap=True)
        console.print(f"{len(paths) - len(stale)} of {len(paths)} case files proven byte for byte")
        return 1 if stale else 0
    changed = [path for path in todo if prove.write(path, root)]
    console.print(f"{len(paths)} case files proven, {len(changed)} changed")
    return 0


def ledger(options: argparse.Namespace) -> int:
    """Write a ledger from a run."""
    records = list(record.read(options.run))
    judged = sorted(records[0]["adapters"])
    name = options.adapter or (judged[0] if len(judged) == 1 else "")
    if name not in judged:
        raise UsageError(f"--adapter: {options.run} judges {', '.join(judged) or 'nothing'}; name one of these")
    own = all(is_target(each["subject"]["implementation"]) for each in records if each["record"] == "check")
    folder = Path() if own else loader.available().get(release.taken_apart(name, "")[0], Path())
    path = options.out or folder / FILE
    if options.versions:
        text = amendment.amended_text(records, name, path, options.versions)
    else:
        text = draft.ledger_text(records, name, path)
    files.write(path, text)
    console.print(f"{path}: {text.count('[[deviation]]')} deviations", soft_wrap=True)
    return 0


def promote_finds(options: argparse.Namespace) -> int:
    """Make cases of what random search found."""
    found = promote.finds(record.read(options.run), expected=options.all)
    root = options.out or content.folder("cases")
    written = list(promote.write(found, root))
    for path in written:
        console.print(f"{path}", soft_wrap=True)
    console.print(f"{len(found)} elements broke a law, {len(written)} new cases proven")
    return 0


def _adapters() -> None:
    session = open_session(Choice())
    for name, adapter in session.adapters.items():
        versions = ", ".join(f"{package} {version}" for package, version in adapter.versions().items())
        table = Table(title=f"{name}: {versions}; devices: {', '.join(adapter.devices())}", title_justify="left")
        for column in ("implementation", "takes", "modes", "labels", "keywords", "reductions", "shapes"):
            table.add_column(column, overflow="fold")
        for each in adapter.implementations():
            keywords = [word for word in KEYWORDS if word != "reduction" and each.offers(word)]
            table.add_row(
                each.name,
                each.takes,
                " ".join(each.modes or adapter.modes),
                each.labels,
                " ".join(keywords) or "-",
                " ".join(f"{key}/{value.divisor}" if value.divisor else key for key, value in each.reductions.items()),
                "broadcast" if each.broadcasts else "must match",
            )
        console.print(table)
    for name, reason in session.missing.items():
        console.print(f"{name}: no data: {reason}", soft_wrap=True, markup=False)
    others = ", ".join(name for name in loader.available() if name not in session.labels)
    console.print(
        f"by name (--adapter NAME==VERSION), in environments of their own: {others}", soft_wrap=True, markup=False
    )


def _clauses() -> None:
    table = Table("clause", "level", "sentence", "bound")
    for clause in CLAUSES.values():
        bound = f"{clause.bound.ulps:g} {clause.bound.measure} ULP" if clause.bound else ""
        table.add_row(clause.id, clause.level, clause.sentence, bound)
    console.print(table)


def _cases() -> None:
    table = Table("case", "clauses", "dtypes", "idea")
    for each in collection.load_all():
        table.add_row(each.id, " ".join(each.clauses), " ".join(each.dtypes), each.idea)
    console.print(table)


def _spec(runs: Sequence[Path]) -> None:
    paths = [path for each in runs for path in results(each)]
    shares = largest(merge(list(record.read(path)) for path in paths)) if paths else {}
    print(specification.text({clause: share.told for clause, share in shares.items()}), end="")


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": listing,
    "prove": prove_cases,
    "ledger": ledger,
    "promote": promote_finds,
}

"""Whom a run accuses: of its must and should deviations, how many are a public function's own undocumented fault.

``python -m tests.fairness RUN...`` counts them by framework, and exits with 1 if anything else is among them: a
control, a composition, a class counted beside its function, something documented, a refusal, or a result that is within
its bound.

``python -m tests.fairness RUN... --before OLD...`` also says of every check whose verdict changed since an older run
which rule changed it, and exits with 1 if none did.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from conformance.records import record
from conformance.records.record import Record
from conformance.report.merge import Merged, merge, named
from conformance.report.standing import Standing, standing
from conformance.report.states import state
from conformance.spec.clauses import CLAUSES
from conformance.spec.verdict import OF_BOUND
from conformance.subjects.subject import Subject
from conformance.verbs.reporting import results

FAULT = "a public function's fault"


def verdict(check: Record, who: Standing) -> str:
    """What a must or should deviation is about."""
    if (role := who.role(check)) != "function":
        return f"a {role}"
    if not who.counts(check):
        return "a class counted beside its function"
    if state(check) == "documented":
        return "documented"
    # Before refusals were told apart they were errors of these clauses, or derivatives that did not exist.
    refused = check["outcome"] == "errored" or check["signature"] == "not-differentiable"
    if refused and check["clause"] in ("V5", "G5", "G9"):
        return "a refusal"
    if within_bound(check):
        return "a right result"
    return FAULT


def within_bound(check: Record) -> bool:
    """True if the element that stands for the deviation keeps the clause's own bound."""
    bound = CLAUSES[check["clause"]].bound if check["clause"] in CLAUSES else None
    worst = check.get("worst")
    # Reductions and chapter C's calls have bounds by their size, and a law's second result is no exact value.
    if bound is None or worst is None or check["clause"][0] in "RLC" or check["signature"] in ("negative", "not-exact"):
        return False
    error = worst[f"{bound.measure}_ulp"]
    return isinstance(error, int | float) and error <= bound.ulps and check["clause"] != "G9"


def accused(merged: Merged, who: Standing, counted: Callable[[Record], bool]) -> Counter[tuple[str, str, str]]:
    """The must and should deviations that ``counted`` lets through: framework, level, what they are about."""
    return Counter(
        (check["subject"]["adapter"], check["level"], verdict(check, who))
        for check in merged.checks
        if check["level"] in ("must", "should")
        and state(check) in ("known", "documented", "unexpected")
        and counted(check)
    )


# What changed a verdict, the first rule that holds; each takes the check before and after, None where there is none.
Rule = Callable[[Record, Record, Standing], bool]
GRADIENT_SCALE = ("G1", "G7", "G8", "G10", "L3", "S2", "S3", "S5", "S7", "W1", "W2", "W3", "W4", "W5")
WRONG = ("deviates", "errored")
BOUNDS = ("G3", "V3", "G2", "G11", "L1")
RULES: dict[str, Rule] = {
    "3: a refusal is not a wrong answer": lambda old, new, _: (
        new["outcome"] == "unsupported" and old["outcome"] in WRONG
    ),
    "3: a reduction that is a function of its own refuses nothing": lambda old, new, _: (
        new["outcome"] == "unsupported" and old["clause"] == "E1"
    ),
    "2: Keras is given the dtype of the logits": lambda old, _, __: old["subject"]["implementation"].startswith(
        "keras."
    ),
    "4: truth first (L7 and S8)": lambda old, _, __: old["clause"] in ("L7", "S8"),
    "5: a lost tail is called one on either side": lambda old, new, _: (
        old["clause"][0] in "GLWS" and old["outcome"] == new["outcome"] == "deviates"
    ),
    # With fewer elements beyond the bound another one is the worst, and names the deviation.
    "6: bounds of G3, V3, G2, G11 and L1": lambda old, new, _: (
        old["clause"] in BOUNDS and (mended(old, new) or old["outcome"] == new["outcome"] == "deviates")
    ),
    "6: reductions": lambda old, _, __: old["clause"][0] == "R",
    "5: one scale for mirror images": lambda old, new, _: old["clause"] in GRADIENT_SCALE and mended(old, new),
}


def mended(old: Record, new: Record) -> bool:
    """True if a deviation conforms now, by the bound of today."""
    return old["outcome"] in WRONG and new["outcome"] == "conforms" and new["measures"].get(OF_BOUND, 0) <= 1


def changes(before: Merged, after: Merged) -> tuple[Counter[tuple[str, str]], list[Record]]:
    """Changed verdicts by rule and kind, and the checks that no rule explains."""
    who = standing(after)
    old = {_place(check): check for check in before.checks}
    clauses = {check["clause"] for check in before.checks}
    found: Counter[tuple[str, str]] = Counter()
    unexplained = []
    for check in after.checks:
        earlier = old.get(_place(check))
        if earlier is None:
            if state(check) in ("known", "documented", "unexpected"):
                new = "a new case or implementation" if check["clause"] in clauses else "a new clause"
                found[new, f"deviates ({state(check)})"] += 1
            continue
        was, now = (each["signature"] or each["outcome"] for each in (earlier, check))
        if was == now:
            continue
        rule = next((name for name, holds in RULES.items() if holds(earlier, check, who)), "")
        found[rule or "unexplained", f"{_kind(earlier)} → {_kind(check)}"] += 1
        if not rule:
            unexplained.append(check)
    return found, unexplained


def _kind(check: Record) -> str:
    return {"errored": "deviates"}.get(check["outcome"], str(check["outcome"]))


def _place(check: Record) -> tuple[str, ...]:
    subject = Subject(**{**check["subject"], "version": ""})
    return (*named(vars(subject)), check["clause"], check["case"])


def main(arguments: list[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.fairness", description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--before", nargs="+", type=Path, default=[])
    options = parser.parse_args(arguments)
    console = Console(width=100)
    after = merged_of(options.runs)
    who = standing(after)
    # What the page counts: functions, each once, and nothing that their frameworks document.
    now = accused(after, who, lambda check: who.counts(check) and state(check) in ("known", "unexpected"))
    print_shares(console, "on the first screen", now)
    bad = sum(count for (_, _, about), count in now.items() if about != FAULT)
    if options.before:
        before = merged_of(options.before)
        print_shares(console, "before, by the roles of today", accused(before, who, lambda _: True))
        found, unexplained = changes(before, after)
        table = Table("what changed the verdict", "change", "checks", title="changed verdicts", title_justify="left")
        for (rule, kind), count in sorted(found.items()):
            table.add_row(rule, kind, f"{count:,}")
        console.print(table)
        for check in unexplained[:20]:
            console.print(check["subject"], check["clause"], check["case"], check["outcome"], check["signature"])
        bad += len(unexplained)
    return 1 if bad else 0


def print_shares(console: Console, title: str, counts: Counter[tuple[str, str, str]]) -> None:
    """One line a framework and level: how many of the deviations are about what."""
    kinds = sorted({about for _, _, about in counts} - {FAULT})
    table = Table("framework", "level", "known", FAULT, *kinds, title=title, title_justify="left")
    for adapter, level in sorted({key[:2] for key in counts}):
        row = {about: counts[adapter, level, about] for about in (FAULT, *kinds)}
        table.add_row(adapter, level, f"{sum(row.values()):,}", *(f"{each:,}" for each in row.values()))
    console.print(table)


def merged_of(paths: Iterable[Path]) -> Merged:
    """The runs below these paths, merged."""
    return merge(list(record.read(each)) for path in paths for each in results(path))


if __name__ == "__main__":
    sys.exit(main())

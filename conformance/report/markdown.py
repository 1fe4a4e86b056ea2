"""What was found, as a Markdown table: for a README or a pull request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from conformance.records.record import Record
from conformance.report import cells, sweeps
from conformance.report.causes import Cause, causes, of_functions
from conformance.report.merge import Merged
from conformance.report.standing import standing
from conformance.report.states import SEVERITIES
from conformance.report.titles import short, titles
from conformance.spec.clauses import Level

_LEADING = 5


def table(merged: Merged) -> str:
    """What leads among the known deviations of public functions; then what sweeps of float32 counted, and surprises."""
    versions = {
        name: next(iter(each["versions"].values())) for run in merged.runs for name, each in run["adapters"].items()
    }
    named_as = {name: short(title) for name, title in titles(merged).items()}
    subjects = cells.escaped(", ".join(f"{named_as[name]} {version}" for name, version in sorted(versions.items())))
    # Records from before there were roles say nothing of who is a function.
    judged = (
        "public functions" if any("role" in each for each in merged.implementations.values()) else "implementations"
    )
    counted = sum(1 for _ in standing(merged).counted(merged.checks))
    apart = len(merged.checks) - counted
    others = f", and {apart:,} of compositions, of controls, and of classes that only call a function" if apart else ""
    lines = [f"{counted:,} checks of {judged} of {subjects}{others}.", ""]
    lines += _known(causes(merged), named_as)
    lines += _swept(merged, named_as)
    lines += _unexpected(merged)
    return "\n".join(lines) + "\n"


def _swept(merged: Merged, named_as: Mapping[str, str]) -> list[str]:
    """A row for each implementation, quantity and label of which every float32 was computed."""
    rows = [row for row in sweeps.rows(merged) if row.dtype.name == "float32" and not row.searched]
    if not rows:
        return []
    head = ["implementation", "quantity, label", *rows[0].shares, "worst ULP", "at logit", "no distance"]
    lines = ["", "Every float32 as a logit, the share of results by their error in ULP:", "", *cells.head(head)]
    for row in rows:
        subject = row.record["subject"]
        who = f"{_called(subject['adapter'], named_as)} {subject['implementation']} ({subject['mode']})"
        worst = (row.worst.get("ulp", ""), row.worst.get("logit", ""))
        told = (who, f"{row.found['quantity']}, {row.found['label']}", *row.shares.values(), *worst, row.others)
        lines.append(cells.row(told))
    return lines


def _unexpected(merged: Merged) -> list[str]:
    """A row for each implementation, clause and kind of surprise, with the first case that shows it."""
    groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for check in merged.checks:
        if not check["expected"]:
            subject = check["subject"]
            key = (check["level"], subject["adapter"], subject["implementation"], check["clause"], check["signature"])
            groups[key].append(check)
    if not groups:
        return []
    total = sum(map(len, groups.values()))
    head = [
        "",
        f"**{total} unexpected outcomes:**",
        "",
        "| level | framework | implementation | clause | what | checks | first |",
    ]
    return [
        *head,
        "|---|---|---|---|---|---|---|",
        *(_surprise(key, groups[key]) for key in sorted(groups, key=_gravity)),
    ]


def _surprise(key: tuple[str, ...], checks: list[Record]) -> str:
    first = checks[0]
    text = f"{first['case']} ({first['subject']['mode']}, {first['subject']['dtype']}): "
    told = (*key, str(len(checks)), text + (first.get("note") or "") + " " + first.get("detail", ""))
    return cells.row(told)


def _gravity(key: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    return list(Level).index(Level(key[0])), key


def _known(found: Sequence[Cause], named_as: Mapping[str, str]) -> list[str]:
    """The worst known deviations of public functions, and how many there are besides."""
    judged = of_functions(found)
    rest = {
        "more of public functions": len(judged) - _LEADING,
        "documented by their frameworks": sum(cause["rows"][0]["documented"] for cause in found),
        "of compositions and controls": sum(cause["role"] != "function" for cause in found),
    }
    told = ", ".join(f"{count} {what}" for what, count in rest.items() if count > 0)
    lines = []
    if judged:
        head = ["severity", "framework", "what a user sees", "where", "the worst of it"]
        lines += ["The known deviations of public functions that lead, worst first:", "", *cells.head(head)]
        lines += [_row(cause, named_as) for cause in judged[:_LEADING]]
    return [*lines, *(["", f"The page has the others: {told}."] if told else [])]


def _row(cause: Cause, named_as: Mapping[str, str]) -> str:
    leading = cause["rows"][0]
    title = cause["title"] or cause["reason"]
    link = f" [Upstream]({cause['link']})" if cause["link"].startswith("https://") else ""
    severity = SEVERITIES.get(cause["severity"], "")
    told = (
        f"{severity} ({leading['level']})" if severity else str(leading["level"]),
        _called(cause["adapter"], named_as),
        f"{title}.{link}" if not title.endswith(".") else f"{title}{link}",
        leading["where"],
        leading["magnitude"],
    )
    return cells.row(told)


def _called(adapter: str, named_as: Mapping[str, str]) -> str:
    return named_as.get(adapter, adapter)

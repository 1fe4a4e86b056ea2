"""FINDINGS.md: each deviation of a public function that nobody announced, as an issue that can be filed as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.records.record import Record
from conformance.report import home
from conformance.report.causes import Cause, causes, of_functions
from conformance.report.doors import Door, Finding, doors
from conformance.report.draft import issue, plain
from conformance.report.merge import Merged
from conformance.report.standing import standing
from conformance.report.states import SEVERITIES
from conformance.report.titles import environment, short, titles
from conformance.spec.clauses import Level

_INTRODUCTION = """\
# Findings

<!-- Written by `python -m conformance report {runs} --findings reports/FINDINGS.md`;
a test holds it to the records. -->

{count} deviations of public functions of {frameworks} frameworks and libraries, worst first, each as an issue that can
be filed as it is. Not here: what a framework's own documentation announces, what users compose, the controls of this
suite, and clauses that only record a choice (*may*).

- **must:** more is wrong than rounding excuses. **should:** accuracy, or a feature, is lost that could be had.
  [SPEC.md](../SPEC.md) has every clause with its bound and its derivation.
- **Severity** is what a user gets: a large error without a word, a run that dies, a small error without a word, or a
  refusal.
- **At worst** is the worst element that the suite saw, of all its inputs; the script shows one that is easy to read.
  Exact values are proven by ball arithmetic.
- Each script uses the framework alone and runs as a file; `python -m conformance reproduce RUN` holds what it prints to
  its last line.
- What a library inherits from the framework below is listed at its end, and is to be filed there.
- **Upstream: none found** means that no thread on this very defect was found in the framework's tracker.

Machine: {machines}.
"""
_LEVELS = (Level.MUST, Level.SHOULD)


@dataclass(frozen=True)
class _Group:
    """One framework: what is its own, worst first, and what it inherits."""

    door: Door
    own: Sequence[Finding]
    inherited: Sequence[Finding]


def text(merged: Merged, runs: str) -> str:
    """The whole document; ``runs`` is what was named on the command line."""
    who = standing(merged)
    found = of_functions(causes(merged, who))
    groups = _groups(doors(merged, who, found), found)
    count = sum(len(group.own) for group in groups)
    facts = {"count": count, "frameworks": len(groups), "machines": home.facts(merged)["machines"]}
    parts = [_INTRODUCTION.format(runs=runs, **facts), "## Contents", "", *_contents(groups)]
    packages, below = _packages(merged), titles(merged)
    for group in groups:
        parts += ["", f'<a id="{group.door.adapter}"></a>', "", f"## {_called(group.door)}"]
        for each in group.own:
            parts += ["", *_entry(each, packages)]
        parts += _inherited(group, below)
    return "\n".join(parts) + "\n"


def _groups(made: Iterable[Door], found: Sequence[Cause]) -> list[_Group]:
    """The framework with the worst finding first."""
    places = {_anchor(cause): place for place, cause in enumerate(found)}
    groups = []
    for door in made:
        mend = [each for each in door.findings if each.cause["level"] in _LEVELS]
        own = [each for each in mend if not each.cause["inherited"]]
        if own:
            groups.append(_Group(door, own, [each for each in mend if each.cause["inherited"]]))
    return sorted(groups, key=lambda group: places[_anchor(group.own[0].cause)])


def _contents(groups: Sequence[_Group]) -> Iterator[str]:
    for group in groups:
        counts = Counter(SEVERITIES.get(each.cause["severity"], "not rated") for each in group.own)
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        yield f"- [{_called(group.door)}](#{group.door.adapter}): {told}"
        yield from (f"  - [{_title(each.cause)}](#{_anchor(each.cause)})" for each in group.own)


def _entry(each: Finding, packages: Mapping[str, str]) -> Iterator[str]:
    cause = each.cause
    yield from (f'<a id="{_anchor(cause)}"></a>', "")
    yield from issue(cause, [packages.get(cause["adapter"], "")])
    severity = SEVERITIES.get(cause["severity"], "not rated")
    for row in cause["rows"]:
        if row["level"] in _LEVELS and not row["documented"]:
            worst = f"; at worst {row['magnitude']}" if row["magnitude"] else ""
            where = "" if row is cause["rows"][0] else f" {row['where']};"
            clauses = f"clauses {', '.join(row['clauses'])}, {row['count']:,} check{'s' * (row['count'] != 1)}"
            yield f"- **{row['level']}**, {severity}:{plain(where)} {clauses}{plain(worst)}"
    if not cause["reproducer"]:
        yield f"- **Shown by:** `{_command(cause)}`"
    yield from _sources(each)
    yield f"- **Upstream:** {cause['link'] or 'none found'}"
    if cause["related"]:
        yield f"- **Related:** {cause['related'].replace(' ', ', ')}"


def _inherited(group: _Group, below: Mapping[str, str]) -> Iterator[str]:
    if group.inherited:
        yield from ("", f"### Inherited by {plain(group.door.title)}", "")
    for each in group.inherited:
        name = each.cause["inherited"]
        where = each.cause["rows"][0]["where"]
        yield f"- From [{short(below.get(name, name))}](#{name}): {_title(each.cause)}. {plain(where)}"


def _sources(each: Finding) -> Iterator[str]:
    """The line that causes it, where somebody has found it; else where the functions are."""
    causing = [source for source in each.sources if each.cause["id"] in source["deviations"]]
    if each.sources:
        told = "; ".join(map(_source, causing)) or "; ".join(map(_place, each.sources))
        yield f"- **{'Source' if causing else 'The function'}:** {told}"


def _source(source: Record) -> str:
    return f"{_place(source)}, {plain(source['told'])}"


def _place(source: Record) -> str:
    return f"[{source['place']}]({source['url']})" if source["url"].startswith("https://") else str(source["place"])


def _command(cause: Cause) -> str:
    """What judges the example alone, where no script of the framework alone is recorded."""
    subject, check = cause["example"]["subject"], cause["example"]
    return (
        f"python -m conformance run --adapter {environment(subject)} --implementation '{subject['implementation']}' "
        f"--mode {subject['mode']} --dtype {subject['dtype']} --clause {check['clause']} --case {check['case']} "
        "--strict"
    )


def _packages(merged: Merged) -> dict[str, str]:
    """The versions of each adapter's packages: a library's and, beside it, those of the framework below."""
    return {
        name: ", ".join(f"{package} {version}" for package, version in facts["versions"].items())
        for run in merged.runs
        for name, facts in run["adapters"].items()
    }


def _called(door: Door) -> str:
    return f"{plain(door.title)} {', '.join(door.versions)}"


def _title(cause: Cause) -> str:
    return plain(cause["title"] or cause["id"]).replace("[", "\\[").replace("]", "\\]")


def _anchor(cause: Cause) -> str:
    return f"{cause['adapter']}-{cause['id']}"

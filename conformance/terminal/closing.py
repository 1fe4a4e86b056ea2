"""What a run says last on the terminal: the table, what is wrong in words, and the commands that come next."""

from __future__ import annotations

import os
import shlex
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from conformance.errors import UsageError
from conformance.judging.session import Session
from conformance.records.ledger import Ledger
from conformance.records.record import Record
from conformance.subjects import rerun
from conformance.subjects.target import is_target
from conformance.terminal import complaint
from conformance.terminal.asked import Heard
from conformance.terminal.complaint import Complaint
from conformance.terminal.summary import Summary

MOST = 8  # causes told on the terminal; the page has all
_WIDEST = 120  # of a paragraph, and of what is no terminal
_STYLES = {"must": "bold red", "should": "bold yellow"}


@dataclass
class Closing:
    """All that a run has to say at its end; ``say`` says it."""

    out: Path
    summary: Summary = field(default_factory=Summary)
    heard: Heard = field(default_factory=Heard)
    unexpected: list[Record] = field(default_factory=list)
    expected: Counter[str] = field(default_factory=Counter)  # checks by the deviation that the ledger lists
    unranked: list[Record] = field(default_factory=list)  # of what was timed
    untimed: list[str] = field(default_factory=list)  # subjects that could not be timed, and why
    faults: list[str] = field(default_factory=list)  # of the suite itself, or of pytest
    shortfalls: Sequence[str] = ()
    session: Session | None = None
    stopped: str = ""  # the command that goes on, where Ctrl-C ended the run

    def add(self, each: Record) -> None:
        """Take in one record."""
        if each["record"] == "check":
            self.summary.add(each)
            if not each["expected"]:
                self.unexpected.append(each)
            elif each.get("deviation"):
                self.expected[each["deviation"]] += 1
        if each.get("unranked"):
            self.unranked.append(each)
        if each["record"] in ("check", "curve", "speed"):
            self.heard.add(each)

    def say(self) -> None:
        """Print it all; nothing that a run began with is said without a session."""
        if self.session is None:
            return
        console = Console(width=_width(), highlight=False)
        self.summary.print(console, _roles(self.session))
        for line in self._plain_lines():
            console.print(Text(line), soft_wrap=True)
        if self.unexpected:
            self._complain(console)
        for line in (*self._next(), *self._ends()):
            console.print(Text(line), soft_wrap=True)

    def _plain_lines(self) -> Iterator[str]:
        assert self.session is not None
        for adapter, reason in self.session.missing.items():
            yield f"no data  {adapter}: {reason}"
        for name, reason in self.heard.unheard.items():
            yield f"not judged: {' '.join(name)}" + (f": {reason}" if reason else "")
        for each in self.unranked:
            who = " ".join((each["subject"]["adapter"], each["subject"]["implementation"], each["subject"]["dtype"]))
            yield f"no rank: {who}, {each['workload']}: {each['unranked']}"
        for untimed in self.untimed:
            yield f"not timed: {untimed}"
        for fault in self.faults:
            yield f"at fault: {fault}"
        yield from _unexplained(self.session.own_ledger, self.session.choice.ledger, self.expected)

    def _complain(self, console: Console) -> None:
        found = complaint.complaints(self.unexpected)
        several = len({complaint.named(each) for each in found}) > 1
        checks = complaint.count(len(self.unexpected), "unexpected check")
        causes = complaint.count(len(found), "cause")
        whose = "" if several else f" of {complaint.named(found[0])[1]}"
        console.print(Text(f"\n{checks}{whose}, {causes}, the worst first:"), style="bold", soft_wrap=True)
        for number, each in enumerate(found[:MOST], 1):
            who = f"{' '.join(complaint.named(each))}: " if several else ""
            for line, style in _paragraph(f"{number}. ", who, each, console.width):
                console.print(Text(line, style=style), soft_wrap=True)
        if rest := found[MOST:]:
            levels = Counter(str(each.level) for each in rest)
            told = ", ".join(f"{level} {count}" for level, count in levels.items())
            console.print(Text(f"and {len(rest)} more ({told}), on the page"), soft_wrap=True)

    def _next(self) -> Iterator[str]:
        """Where all of it stands, and the commands for what one does next."""
        records, page = self.out / "results.jsonl", self.out / "index.html"
        yield "" if self.unexpected else "Nothing is unexpected." if self.heard.judged else ""
        yield f"records: {records}, page: {page}"
        if not self.unexpected:
            return
        first = complaint.complaints(self.unexpected)[0].leading
        yield "the first of them at length:"
        yield f"  {rerun.command(complaint.subject_of(first), first['clause'], first['case'])}"
        own = [each["subject"] for each in self.unexpected if is_target(each["subject"]["implementation"])]
        if own:
            assert self.session is not None
            ledger = self.session.choice.ledger or "known.toml"
            yield "to accept what is known, write a ledger and its reasons, and run with it:"
            adapter = f" --adapter {own[0]['adapter']}" if len(self.session.adapters) > 1 else ""
            yield f"  python -m conformance ledger {_quoted(records)}{adapter} --out {_quoted(ledger)}"
            yield f"  python -m conformance run ... --ledger {_quoted(ledger)}"

    def _ends(self) -> Iterator[str]:
        """What must not be overlooked."""
        if self.session is not None and self.session.choice.quick:
            yield "this was the quick part; without --quick all of it is heard"
        for line in self.shortfalls:
            yield f"no pass: {line}"
        if self.stopped:
            yield f"stopped by Ctrl-C; to go on: {self.stopped}"


class LastWords:
    """A pytest plugin for whoever starts pytest: the run closes when pytest has ended, so nothing comes after it."""

    def __init__(self) -> None:
        self.closing: Closing | None = None
        self.refusal: UsageError | None = None  # why there was no run

    def say(self, again: str) -> None:
        """Close; ``again`` is the command that goes on with a run that was stopped. Raises what was refused."""
        if self.refusal is not None:
            raise self.refusal
        if self.closing is not None:
            self.closing.stopped = self.closing.stopped and again
            self.closing.say()


def _paragraph(mark: str, who: str, each: Complaint, width: int) -> Iterator[tuple[str, str]]:
    head, *others = complaint.lines(each)
    margin = " " * len(mark)
    width = min(width, _WIDEST)
    style = _STYLES.get(str(each.level), "bold")
    for line in textwrap.wrap(f"{mark}{who}{head}", width, subsequent_indent=margin):
        yield line, style
    for text in others:
        for line in textwrap.wrap(text, width, initial_indent=margin, subsequent_indent=margin):
            yield line, ""


def _unexplained(ledger: Ledger, path: str, expected: Mapping[str, int]) -> Iterator[str]:
    for name, each in ledger.deviations.items():
        if each.placeholder:
            checks = f"{expected[name]} checks" if expected[name] != 1 else "1 check"
            yield f"no reason yet: '{name}' in {path} excuses {checks}, and nobody has written why; write its reason"


def _roles(session: Session) -> dict[tuple[str, str], str]:
    return {(each.subject.adapter, each.implementation.name): each.implementation.role for each in session.runners}


def _width() -> int:
    known = "COLUMNS" in os.environ or os.isatty(1)
    return shutil.get_terminal_size().columns if known else _WIDEST


def _quoted(path: Path | str) -> str:
    return shlex.quote(str(path))

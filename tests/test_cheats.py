"""Dishonest candidates, put to the command line: none gets a verdict that it has not earned (tests/cheats)."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.records import record
from conformance.records.record import Record
from tests.cheats.table import CHEATS, FOLDER, MUST, ORDINARY, VERBS, Cheat
from tests.command import ROOT, command, environment

HONEST = f"{FOLDER / 'honest.py'}"
LIMITS = ("--check-timeout", "20", "--dtype", "float32")
WORKLOAD = "forward-none-multilabel-2^10"
MEASURE = ("--threads", "1", "--workload", WORKLOAD, "--", "--benchmark-only", "--benchmark-max-time=0.01",
           "--benchmark-min-rounds=3")  # fmt: skip
PATIENCE = 60  # seconds
FIGHT = ("--threads", "1", "--workload", WORKLOAD, "--processes", "2", "--rounds", "3")


@dataclass(frozen=True)
class Heard:
    """What a command did: its exit code (None: it hung), what it said, its records, its seconds, a duel's verdicts."""

    code: int | None
    said: str
    records: tuple[Record, ...]
    seconds: float
    arms: tuple[dict[str, Any], ...] = ()

    def checks(self, implementation: str) -> list[Record]:
        """The checks of one implementation."""
        return [each for each in self.of(implementation) if each["record"] == "check"]

    def of(self, implementation: str) -> list[Record]:
        """Everything that was recorded of one implementation."""
        return [each for each in self.records if each.get("subject", {}).get("implementation") == implementation]


def groups() -> dict[str, list[Cheat]]:
    """The cheats by the command that judges them."""
    found: dict[str, list[Cheat]] = {}
    for cheat in CHEATS:
        if cheat.must != "undetected":
            found.setdefault(cheat.company or cheat.name, []).append(cheat)
    return found


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that runs a group's command once."""

    @functools.cache
    def run(group: str) -> Heard:
        return _judged(groups()[group], tmp_path_factory.mktemp("cheats"))

    return run


def _judged(cheats: list[Cheat], folder: Path) -> Heard:
    arguments = _arguments(cheats, folder)
    begun = time.monotonic()
    # A process that lives on must not hold a pipe that is waited for.
    with (folder / "said.txt").open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            command(*arguments),
            cwd=folder, env=environment(), stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        code: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(PATIENCE)
        seconds = time.monotonic() - begun
        # The run, if it hangs, and what it left behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(max(cheat.after for cheat in cheats))
        said.seek(0)
        return Heard(code, said.read(), tuple(_records(folder)), seconds, tuple(_arms(folder)))


def _arguments(cheats: list[Cheat], folder: Path) -> tuple[str, ...]:
    first = cheats[0]
    if first.verb == "duel":
        subjects = [f"{each.framework}:{each.target}" for each in cheats]
        return ("duel", f"{first.framework}:{HONEST}:right", *subjects, *FIGHT, "--out", str(folder / "duel.json"))
    chosen = dict.fromkeys(each for cheat in cheats for each in cheat.choice) if first.company else first.choice
    (folder / "known.toml").write_text("")
    choice = [str(folder / "known.toml") if each == "LEDGER" else each for each in chosen]
    beside = [name for each in cheats for name in (each.target, each.beside) if name]
    names = [word for name in beside for word in ("--implementation", name)]
    return (
        "run", "--adapter", first.framework, *names, *LIMITS, *choice, "--out", str(folder / "out"),
        *(MEASURE if first.verb == "benchmark" else ()),
    )  # fmt: skip


def _records(folder: Path) -> Iterator[Record]:
    """The lines of results.jsonl that are whole: a run that was killed leaves half a line."""
    with contextlib.suppress(OSError):
        for line in (folder / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                yield json.loads(line)


def _arms(folder: Path) -> list[dict[str, Any]]:
    path = folder / "duel.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["arms"]) if path.exists() else []


def _outcomes(cheat: Cheat, found: Heard) -> set[str]:
    return {each["outcome"] for each in found.checks(cheat.target)}


def deviates(cheat: Cheat, found: Heard) -> bool:
    """A deviation is recorded and unexpected; of a cheat that is wrong throughout nothing conforms."""
    recorded = any(each["outcome"] == "deviates" and not each["expected"] for each in found.checks(cheat.target))
    silent = cheat.whole and "conforms" in _outcomes(cheat, found)
    return found.code == 1 and recorded and not silent


def nothing_judged(cheat: Cheat, found: Heard) -> bool:
    """Exit code 2 with a reason."""
    return found.code == 2 and bool(found.said.strip()) and _outcomes(cheat, found) <= {"unsupported", "no-data"}


def crashed(cheat: Cheat, found: Heard) -> bool:
    """Checks that crashed or ended with an error, in as much time as it takes to see that."""
    outcomes = _outcomes(cheat, found)
    silent = cheat.whole and not outcomes <= {"crashed", "errored", "no-data"}
    return found.code == 1 and bool(outcomes & {"crashed", "errored"}) and not silent and found.seconds < cheat.within


def killed(cheat: Cheat, found: Heard) -> bool:
    """No exit code 0, and nothing conforms."""
    return found.code not in (0, None) and "conforms" not in _outcomes(cheat, found)


def disowned(_cheat: Cheat, found: Heard) -> bool:
    """Whatever the records say by now."""
    return found.code == 2 and "somebody else wrote to it while the run went on" in " ".join(found.said.split())


def unranked(cheat: Cheat, found: Heard) -> bool:
    """Whatever time was measured, if any."""
    times = [each for each in found.of(cheat.target) if each["record"] == "speed"]
    told = [
        line for line in found.said.splitlines() if line.startswith(("no rank", "not timed")) and cheat.target in line
    ]
    return bool(told) and all(each.get("unranked") for each in times)


def earned(cheat: Cheat, found: Heard) -> bool:
    """A time stands because all of it was computed; in a duel it is not faster, or no verdict can be had at all."""
    if cheat.verb == "benchmark":
        times = [each for each in found.of(cheat.target) if each["record"] == "speed"]
        return found.code == 0 and bool(times) and not any(each.get("unranked") for each in times)
    verdicts = {each["verdict"] for each in found.arms if cheat.target in each["subject"]}
    return "faster" not in verdicts and (found.code == 2 or bool(verdicts))


def ranked(cheat: Cheat, found: Heard) -> bool:
    """A time is recorded, an arm of a duel is faster; once it is not, the claim has to go."""
    if cheat.verb == "duel":
        times = [each for each in found.arms if cheat.target in each["subject"] and each["verdict"] == "faster"]
    else:
        times = [each for each in found.of(cheat.target) if each["record"] == "speed" and not each.get("unranked")]
    return found.code == 0 and bool(times) and admitted(cheat)


def admitted(cheat: Cheat) -> bool:
    """It stands in TRUST.md."""
    return f"`{cheat.name}`" in (ROOT / "TRUST.md").read_text(encoding="utf-8")


def innocent(cheat: Cheat, found: Heard) -> bool:
    """All of the other one's checks came to a judgement, and are as its ledger says."""
    others = found.checks(cheat.beside)
    return bool(others) and all(
        each["expected"] and each["outcome"] in ("conforms", "deviates", "unsupported") for each in others
    ) and any(each["outcome"] == "conforms" for each in others)  # fmt: skip


def undetected(cheat: Cheat, found: Heard) -> bool:
    """It is not run: some need rights that a user may not have, and nobody claims that they are stopped."""
    return found.code is None and admitted(cheat)


def harmless(cheat: Cheat, found: Heard) -> bool:
    """What was judged conforms, and the rest is unsupported."""
    return found.code == 0 and _outcomes(cheat, found) == {"conforms", "unsupported"}


HAPPENED = {
    "deviates": deviates,
    "nothing judged": nothing_judged,
    "crashed": crashed,
    "killed": killed,
    "disowned": disowned,
    "unranked": unranked,
    "earned": earned,
    "ranked": ranked,
    "innocent": innocent,
    "undetected": undetected,
    "harmless": harmless,
}


# What stands before the bar keeps a group on one of xdist's workers.
@pytest.mark.parametrize("cheat", CHEATS, ids=[f"{each.company or each.name}|{each.name}" for each in CHEATS])
def test_a_cheat_gets_no_verdict_that_it_has_not_earned(cheat: Cheat, heard: Any) -> None:
    """What must happen is in the table."""
    untried = cheat.must == "undetected"
    found = Heard(None, "", (), 0.0) if untried else heard(cheat.company or cheat.name)

    happened = HAPPENED[cheat.must](cheat, found)
    assert happened, (
        f"{cheat.name}: {MUST[cheat.must]}; but exit code {found.code} after {found.seconds:.0f} s, "
        f"{sorted(_outcomes(cheat, found))} {[each['verdict'] for each in found.arms]}\n{found.said[-1500:]}"
    )


@pytest.mark.parametrize(("name", "code", "outcome"), [("right", 0, "conforms"), ("wrong", 1, "deviates")])
def test_what_the_cheats_share_is_right_and_wrong(tmp_path: Path, name: str, code: int, outcome: str) -> None:
    """Else nothing would be shown by them."""
    choice = ("run", "--adapter", "numpy", "--implementation", f"{HONEST}:{name}", *LIMITS, *ORDINARY, "--out")
    result = subprocess.run(
        command(*choice, str(tmp_path)), capture_output=True, text=True, check=False, cwd=ROOT, env=environment()
    )

    assert result.returncode == code, result.stdout + result.stderr
    found = [each for each in record.read(tmp_path / "results.jsonl") if each["record"] == "check"]
    assert {each["outcome"] for each in found} == {outcome}


def test_the_table_lists_every_file_once_in_words_that_it_knows() -> None:
    """Every file is called, and says what stops it."""
    files = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.py")}

    assert sorted(files) == sorted(each.name for each in CHEATS)
    assert {each.must for each in CHEATS} <= set(MUST)
    assert set(MUST) == set(HAPPENED)
    assert {each.verb for each in CHEATS} == set(VERBS)
    for each in CHEATS:
        text = (FOLDER / f"{each.name}.py").read_text(encoding="utf-8")
        assert "Stopped by: " in text or "DETECTED BY: " in text, each.name


def test_those_who_are_judged_together_are_called_alike() -> None:
    """One framework, one verb, nobody beside them."""
    for cheats in groups().values():
        assert len({(each.framework, each.verb) for each in cheats}) == 1
        assert len(cheats) == 1 or not any(each.beside or each.after for each in cheats)

"""A session: the runners of what was chosen, with the adapters and ledgers behind them."""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.adapter import Adapter
from conformance.configurations.survey import Surveys
from conformance.errors import UsageError
from conformance.golden import collection as cases
from conformance.golden import quick
from conformance.golden.case import Case
from conformance.judging.ambient import Readings
from conformance.judging.batches import Batches
from conformance.judging.choice import Choice
from conformance.records.ledger import EMPTY, Ledger
from conformance.remote import manifest
from conformance.remote.link import Link
from conformance.remote.proxy import RemoteAdapter
from conformance.subjects.subject import Runner
from conformance.subjects.target import is_target
from conformance.worker import candidate

THOROUGH = frozenset({"L9"})  # clauses that take a process for each of an adapter's switches


@dataclass(eq=False)
class Session:
    """The runners of a run, the ledger of each adapter, and the adapters that are not here."""

    choice: Choice
    adapters: dict[str, Adapter] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    runners: list[Runner] = field(default_factory=list)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)  # of the adapters, by what was asked for
    brought: dict[tuple[str, str], RemoteAdapter] = field(default_factory=dict)  # by label and target
    links: list[Link] = field(default_factory=list)  # to the workers, if there are any
    own_ledger: Ledger = EMPTY  # of the implementations that were brought along
    done: set[tuple[str, str, str]] = field(default_factory=set)  # subject, clause, case: recorded already

    @functools.cached_property
    def batches(self) -> Batches:
        """The shared tensors of elementwise cases."""
        return Batches(cases.load_all())

    def sources(self) -> dict[str, set[Path]]:
        """The files of each implementation that was brought along."""
        targets = [name for name in self.choice.implementations if is_target(name)]
        if not self.links:
            return {name: set(candidate.sources(name)) for name in targets}
        # A worker tells what was imported there; the file that was named is looked at whatever it tells.
        found = {name: {Path(name.rpartition(":")[0]).resolve()} if ".py:" in name else set() for name in targets}
        for (_, target), adapter in self.brought.items():
            found[target].update(adapter.sources.get(target, ()))
        return found

    def begin(self, seconds: float) -> None:
        """From now on the workers have so many seconds for what they are asked."""
        for link in self.links:
            link.begin(seconds)

    def close(self) -> None:
        """End the workers. One that is asked again begins again."""
        for link in self.links:
            link.close()

    def ledger_of(self, runner: Runner) -> Ledger:
        """The adapter's ledger, or --ledger's for implementations brought along; an empty one for --strict."""
        if self.choice.strict:
            return EMPTY
        if is_target(runner.implementation.name):
            return self.own_ledger
        return self.ledgers[runner.subject.adapter]

    def described(self) -> dict[str, dict[str, Any]]:
        """What a run record says of each adapter: versions, devices and threads, and what its manifest tells."""
        return {name: {**_facts(each), **self._told(name)} for name, each in self.adapters.items()}

    def deviations(self) -> dict[str, dict[str, dict[str, str]]]:
        """Reason, harm and link of each known deviation, by adapter and id."""
        return {name: {**self.ledgers[name].texts(), **self.own_ledger.texts()} for name in self.adapters}

    def clause_chosen(self, clause: str) -> bool:
        """True if --clause lets this clause through."""
        return not self.choice.clauses or any(fnmatch.fnmatchcase(clause, glob) for glob in self.choice.clauses)

    def case_chosen(self, case: str) -> bool:
        """True if --case lets this case through."""
        return not self.choice.cases or any(fnmatch.fnmatchcase(case, glob) for glob in self.choice.cases)

    def affordable(self, case: Case) -> bool:
        """False for what takes processes of its own, unless it is asked for: by --thorough, or by its exact name.

        Also for what is not in the quick part, where only that was asked for.
        """
        if self.choice.quick and case.id not in quick.part():
            return False
        costly = THOROUGH.issuperset(case.clauses)
        return not costly or self.choice.thorough or bool({case.id, *case.clauses} & self.choice.names)

    def _told(self, name: str) -> dict[str, Any]:
        return manifest.read(self.folders[name]).told() if name in self.folders else {}

    def _has_time_for(self, runner: Runner) -> bool:
        """Chapter C, where each shape or dtype costs a compilation: for functions, and where seconds, in float32."""
        adapter, mode = runner.adapter, runner.subject.mode
        slow = mode in adapter.compiles_slowly
        if self.choice.thorough or not (slow or mode in adapter.compiles_each_shape):
            return True
        return runner.implementation.role == "function" and (not slow or runner.subject.dtype == "float32")

    @functools.cached_property
    def readings(self) -> Readings:
        """What the subjects return under the switches of their adapters."""
        return Readings(self.folders, self.on_logits)

    @functools.cached_property
    def surveys(self) -> Surveys:
        """What became of every way to call the subjects."""
        return Surveys(self.choice.seed, self.choice.thorough)

    def cases_of(self, runner: Runner) -> Iterator[Case]:
        """The chosen cases that are put to a runner: those of its dtype, with the argument that it takes."""
        for case in cases.load_all():
            if case.configurations and not self._has_time_for(runner):
                continue
            fits = case.argument == runner.takes and runner.subject.dtype in case.dtypes
            if self.choice.quick and not quick.holds(case.id, runner.subject.dtype):
                continue
            if fits and self.case_chosen(case.id) and self.affordable(case):
                yield case

    @property
    def on_logits(self) -> list[Runner]:
        """The runners that take logits: error curves and workloads are made of these."""
        return [each for each in self.runners if each.takes == "logits"]

    @functools.cache  # noqa: B019 - one session a process
    def twin(self, runner: Runner) -> Runner | None:
        """The function that the subject's implementation only calls, in the same mode; None if there is none."""
        name = runner.implementation.same_as
        if not name:
            return None
        known = {each.name: each for each in runner.adapter.implementations()}
        if name not in known:
            raise UsageError(
                f"{runner.implementation.name}: same_as '{name}' is no implementation; known: {', '.join(known)}"
            )
        implementation = known[name]
        subject = dataclasses.replace(runner.subject, implementation=name)
        for each in self.runners:
            if each.subject == subject and each.implementation is implementation:
                return each
        return Runner(subject, runner.adapter, implementation)


def _facts(adapter: Adapter) -> dict[str, Any]:
    return {"versions": adapter.versions(), "devices": list(adapter.devices()), "threads": adapter.threads()}

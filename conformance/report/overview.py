"""The verdict on one screen: implementations against chapters, a tile a dtype; and counts by level and state."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.arithmetic.dtype import DTYPES
from conformance.records.record import Record
from conformance.report.merge import named
from conformance.report.standing import BETWEEN_TWINS, Standing
from conformance.report.states import DEVIATING, LEVELS, SYMBOLS, state
from conformance.spec.clauses import CHAPTERS, CLAUSES

_ORDER = {clause: index for index, clause in enumerate(CLAUSES)}
_LEVELS = tuple(LEVELS)


@dataclass
class Seen:
    """How one clause deviates in a tile."""

    level: str
    state: str = DEVIATING[0]
    signatures: Counter[str] = field(default_factory=Counter)
    modes: set[str] = field(default_factory=set)

    def absorb(self, other: Seen) -> None:
        """Add what was seen elsewhere."""
        self.state = max(self.state, other.state, key=DEVIATING.index)
        self.signatures += other.signatures
        self.modes |= other.modes


@dataclass
class Tile:
    """One chapter in one dtype: which clauses deviate, how, in which modes, and on how many checks."""

    states: Counter[str] = field(default_factory=Counter)
    modes: set[str] = field(default_factory=set)
    clauses: dict[str, Seen] = field(default_factory=dict)

    def add(self, clause: str, level: str, mode: str, seen: str, signature: str, count: int = 1) -> None:
        """Count checks that are alike."""
        self.states[seen] += count
        self.modes.add(mode)
        if seen in DEVIATING:
            one = Seen(level, seen, Counter({signature: count}), {mode})
            self.clauses.setdefault(clause, Seen(level)).absorb(one)

    def absorb(self, other: Tile) -> None:
        """Add another mode's counts."""
        self.states += other.states
        self.modes |= other.modes
        for clause, seen in other.clauses.items():
            self.clauses.setdefault(clause, Seen(seen.level)).absorb(seen)

    @property
    def kind(self) -> str:
        """What the tile looks like: the worst of what it holds."""
        for name in ("crashed", "unexpected"):
            if self.states[name]:
                return name
        levels = {seen.level for seen in self.clauses.values() if seen.state != "documented"}
        for level in _LEVELS:
            if level in levels:
                return level
        for name in ("documented", "conforms", "unsupported"):
            if self.states[name]:
                return name
        return "no-data"

    @property
    def symbol(self) -> str:
        """The mark beside the colour."""
        return SYMBOLS[self.kind]

    @property
    def told(self) -> str:
        """The tile in words."""
        if not self.clauses:
            return {"conforms": f"conforms, {self.states['conforms']:,} checks", "unsupported": "not offered"}.get(
                self.kind, "no data"
            )
        parts = []
        for clause in sorted(self.clauses, key=lambda each: _ORDER.get(each, 999)):
            seen = self.clauses[clause]
            listed = ", ".join(f"{name} ×{count}" for name, count in seen.signatures.most_common(3))
            only = f" only {', '.join(sorted(seen.modes))}" if seen.modes != self.modes else ""
            parts.append(f"{clause} {seen.level}{'' if seen.state == 'known' else ' ' + seen.state} ({listed}){only}")
        return "; ".join(parts)


@dataclass
class Row:
    """An implementation on one device, in the modes in which its tiles look the same."""

    adapter: str
    version: str
    implementation: str
    modes: tuple[str, ...]
    device: str
    tiles: dict[str, dict[str, Tile]] = field(default_factory=lambda: defaultdict(dict))
    deviating: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    same_as: str = ""  # the function that stands for it
    differing: int = 0  # checks that came out otherwise than those of the function that it is declared to call

    @property
    def look(self) -> dict[tuple[str, str], str]:
        """What the row shows: rows that look the same are one row."""
        return {(letter, dtype): tile.kind for letter, tiles in self.tiles.items() for dtype, tile in tiles.items()}

    def absorb(self, other: Row) -> None:
        """Take over the modes, clauses and counts of a row that looks the same."""
        self.modes += other.modes
        for letter, tiles in other.tiles.items():
            for dtype, tile in tiles.items():
                self.tiles[letter][dtype].absorb(tile)
        for level, clauses in other.deviating.items():
            self.deviating[level] |= clauses


@dataclass
class Framework:
    """One framework in one version: its rows, and its checks by level and state, none of them counted twice."""

    adapter: str
    version: str
    rows: list[Row] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)


def overview(checks: Iterable[Record], who: Standing | None = None) -> list[Framework]:
    """Frameworks with their rows, in the order in which they were judged, modes side by side."""
    who = who or Standing()
    frameworks: dict[tuple[str, str], Framework] = {}
    rows: dict[tuple[str, ...], Row] = {}
    # Alike but for their case: five times fewer than checks.
    alike = Counter(
        (
            *named(check["subject"]),
            check["clause"],
            check["level"],
            state(check),
            check["signature"] or check["outcome"],
        )
        for check in checks
    )
    for (adapter, implementation, version, mode, device, dtype, clause, level, seen, signature), count in alike.items():
        name = (adapter, version)
        framework = frameworks.setdefault(name, Framework(*name))
        key = (*name, implementation, mode, device)
        if key not in rows:
            twin, differing = who.twin((adapter, implementation)), who.differing.get((adapter, implementation), 0)
            rows[key] = Row(adapter, version, implementation, (mode,), device, same_as=twin, differing=differing)
            framework.rows.append(rows[key])
        row = rows[key]
        if not row.same_as or clause == BETWEEN_TWINS:
            framework.counts[level, seen] += count
        if seen in DEVIATING and seen != "documented":
            row.deviating[level].add(clause)
        row.tiles[clause[:1]].setdefault(dtype, Tile()).add(clause, level, mode, seen, signature, count)
    for framework in frameworks.values():
        framework.rows = _same_together(framework.rows)
    return sorted(frameworks.values(), key=lambda each: each.adapter)


def _same_together(rows: list[Row]) -> list[Row]:
    places = {row.implementation: -place for place, row in enumerate(reversed(rows))}
    kept: list[Row] = []
    for row in sorted(
        rows, key=lambda row: (places[row.implementation], row.device, row.modes != ("eager",), row.modes)
    ):
        same = [each for each in kept if (each.implementation, each.device) == (row.implementation, row.device)]
        like = next((each for each in same if each.look == row.look), None)
        if like is None:
            kept.append(row)
        else:
            like.absorb(row)
    return kept


def dtypes(checks: Iterable[Record]) -> list[str]:
    """The dtypes that occur, widest first."""
    seen = {check["subject"]["dtype"] for check in checks}
    return [name for name in DTYPES if name in seen] + sorted(seen - set(DTYPES))


def chapters(checks: Iterable[Record]) -> dict[str, str]:
    """The chapters that occur, by letter."""
    seen = {check["clause"][:1] for check in checks}
    return {
        letter: CHAPTERS.get(letter, letter) for letter in [*CHAPTERS, *sorted(seen - set(CHAPTERS))] if letter in seen
    }

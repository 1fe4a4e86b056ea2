"""The first screen: what was judged, where and when; and each public function in six words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from conformance.records.record import Record
from conformance.report import effects
from conformance.report.causes import Cause
from conformance.report.merge import Merged
from conformance.report.standing import Standing
from conformance.report.states import SEVERITIES

COLUMNS = {
    "everyday": (
        "everyday logits",
        f"finite logits of at most {effects.EVERYDAY:g}, in float32 and float64, not compiled; must clauses",
    ),
    "tails": ("tails", f"finite logits beyond {effects.EVERYDAY:g}, in float32 and float64, not compiled"),
    "infinities": ("infinite logits", "logits of inf and -inf, in float32 and float64, not compiled"),
    "shapes": ("shapes", "shapes that do not match, in float32 and float64, not compiled"),
    "half": ("half precision", "what float16 and bfloat16 have beyond that, not compiled, and under autocast"),
    "compiled": ("compiled", "what compiled modes, XLA, graphs and torch.func have beyond that"),
}
_HALVES = ("float16", "bfloat16")
_RESPECTS = {"V4": "infinities", "G10": "infinities", "W6": "infinities", "S8": "shapes"}
_PLAIN = ("eager", "autocast")
_SEVERITIES = [*SEVERITIES, ""]
Name = tuple[str, str]


@dataclass
class Cell:
    """One function in one respect: the effects seen, each with its gravest cause, and whether anything was judged."""

    found: dict[effects.Effect, tuple[int, str]] = field(default_factory=dict)
    judged: int = 0
    documented: bool = True

    @property
    def worst(self) -> list[tuple[str, str, str]]:
        """At most two things that happen: words, the cause's name, and how grave, worst first."""
        groups: dict[tuple[int, str, str], list[str]] = {}
        for each, (place, cause) in sorted(self.found.items(), key=lambda item: (item[1][0], item[0])):
            what = each.what.removesuffix(" at infinite logits")
            groups.setdefault((place, cause, what), []).append(each.quantity.removesuffix(" of probabilities"))
        told = [
            (f"{' and '.join(names[:2])} {what}".strip(), cause, _SEVERITIES[place])
            for (place, cause, what), names in groups.items()
        ]
        return told[:2]

    @property
    def more(self) -> int:
        """How many causes are not among the two."""
        return len({cause for _, cause in self.found.values()} - {cause for _, cause, _ in self.worst})


@dataclass
class Line:
    """One public function; ``same`` names the classes that only call it."""

    adapter: str
    implementation: str
    cells: dict[str, Cell]
    same: list[str]
    of_probabilities: bool


def facts(merged: Merged) -> dict[str, str]:
    """Versions, machines and date, each in a line."""
    versions: dict[str, dict[str, None]] = defaultdict(dict)
    machines: dict[str, None] = {}
    for run in merged.runs:
        for each in run["adapters"].values():
            for package, version in each["versions"].items():
                if package not in ("jaxlib",):
                    versions[package][version] = None
            devices = ", ".join(each["devices"]).upper()
            machines[f"{devices}: {run['machine']['processor']}, {run['machine']['cores']} cores"] = None
    days = sorted({str(run["started"])[:10] for run in merged.runs})
    return {
        "versions": ", ".join(f"{name} {' and '.join(found)}" for name, found in sorted(versions.items())),
        "machines": "; ".join(machines),
        "days": days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}",
    }


def lines(merged: Merged, who: Standing, found: Sequence[Cause]) -> list[Line]:
    """The matrix: a line for each public function that no other stands for, in the order of frameworks and names."""
    grave = {(each["adapter"], each["id"]): _place(each) for each in found}
    cells: dict[Name, dict[str, Cell]] = defaultdict(lambda: {name: Cell() for name in COLUMNS})
    kinds = {name: _kind(case) for name, case in merged.cases.items()}
    plain: dict[Name, set[effects.Effect]] = defaultdict(set)
    later: list[tuple[str, Record]] = []
    for check in merged.checks:
        if not who.counts(check) or check["outcome"] in ("unsupported", "no-data"):
            continue
        column = _column(check, kinds.get(check["case"], ""))
        name = (check["subject"]["adapter"], check["subject"]["implementation"])
        if not column or who.twin(name):
            continue
        cells[name][column].judged += 1
        if check["outcome"] == "conforms" or (column == "everyday" and check["level"] != "must"):
            continue
        if column in ("half", "compiled"):
            later.append((column, check))
            continue
        plain[name].add(effects.effect(check))
        _note(cells[name][column], check, grave)
    for column, check in later:
        name = (check["subject"]["adapter"], check["subject"]["implementation"])
        if effects.effect(check) not in plain[name]:
            _note(cells[name][column], check, grave)
    same = _same(who)
    takes = {name: each.get("takes", "logits") for name, each in merged.implementations.items()}
    made = [Line(*name, cells[name], same[name], takes.get(name) == "probabilities") for name in sorted(cells)]
    return sorted(made, key=lambda line: (line.adapter, line.of_probabilities))


def _note(cell: Cell, check: Record, grave: Mapping[Name, int]) -> None:
    key = effects.effect(check)
    place = grave.get((check["subject"]["adapter"], check.get("deviation", "")), len(_SEVERITIES) - 1)
    cell.found[key] = min(cell.found.get(key, (99, "")), (place, check.get("deviation", "")))
    cell.documented &= bool(check.get("documented"))


def _column(check: Record, kind: str) -> str:
    """Which of the six a check speaks of; '' for none."""
    subject, clause = check["subject"], check["clause"]
    if clause[:1] not in ("V", "G", "R", "S", "W", "D", "P", "E") or clause in ("G11", "G12", "V6", "S6", "E2", "W7"):
        return ""
    if subject["mode"] not in _PLAIN:
        return "compiled"
    if subject["dtype"] in _HALVES:
        return "half"
    return "everyday" if clause[:1] == "P" else _RESPECTS.get(clause, kind)


def _kind(case: Record) -> str:
    return "everyday" if effects.everyday(case) else "tails" if effects.tail(case) else ""


def _place(cause: Cause) -> int:
    return _SEVERITIES.index(cause["severity"]) if cause["severity"] in _SEVERITIES else len(_SEVERITIES) - 1


def _same(who: Standing) -> dict[Name, list[str]]:
    found: dict[Name, list[str]] = defaultdict(list)
    for name, twin in who.twins.items():
        if who.twin(name):
            found[twin].append(name[1])
    return found

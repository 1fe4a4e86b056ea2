"""The porter's door: recipes that were run, what goes wrong on the way, and how far apart two calls are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from conformance.records.record import BREAKS, Record
from conformance.report.causes import Cause
from conformance.report.curves import Lattice, Sample
from conformance.report.distances import EVERYDAY, distances
from conformance.report.effects import effect
from conformance.report.merge import Merged
from conformance.report.pack import Interned, packed
from conformance.report.standing import Standing
from conformance.report.titles import short, titles

# Half precision is computed in float32 by every recipe, so that these two say all.
_DTYPES = ("float32", "float64")
_KEPT = ("adapter", "implementation", "target", "documentation", "keywords", "reductions", "calls", "note", "labels")
Name = tuple[str, str]


def port(
    merged: Merged, who: Standing, found: Sequence[Cause], grids: dict[str, Lattice], measured: Sequence[Sample]
) -> str:
    """Everything of the door, packed; calls are the functions that have recipes, or else all public functions."""
    calls = _calls(merged, who)
    places = {call: place for place, call in enumerate(calls)}
    recipes, tables = _recipes(merged, places)
    arrays: dict[str, npt.NDArray[Any]] = {}
    pairs = []
    for dtype in _DTYPES:
        for quantity in ("loss", "gradient"):
            members = [each for each in measured if _is_of(each, places, dtype, quantity)]
            if members:
                subjects = [[places[_name(each.subject)], each.subject["mode"]] for each in members]
                pairs.append({"dtype": dtype, "quantity": quantity, "subjects": subjects})
                made = distances(members, grids[dtype])
                arrays |= {f"{dtype}.{quantity}.{name}": table for name, table in made.items()}
    named_as = titles(merged)
    header = {
        "calls": [_call(merged, call, named_as) for call in calls],
        "modes": [_modes(merged, call) for call in calls],
        "recipes": recipes,
        **tables,
        "trials": [
            [places[call], each["name"], each["code"], each["printed"]]
            for each in merged.others
            if each["record"] == "trial" and (call := (each["adapter"], each["implementation"])) in places
        ],
        "pairs": pairs,
        "everyday": EVERYDAY,
        "effects": list(_effects(merged, places)),
        "causes": {
            f"{each['adapter']}-{each['id']}": [each["title"] or each["id"], each["severity"]] for each in found
        },
    }
    return packed(header, arrays)


def _calls(merged: Merged, who: Standing) -> list[Name]:
    written = {_name(each["subject"]): None for each in merged.others if each["record"] == "port"}
    if written:
        return list(written)
    names = {_name(each["subject"]): None for each in merged.checks if who.counts(each)}
    return [name for name in names if merged.implementations.get(name, {}).get("takes", "logits") == "logits"]


def _recipes(merged: Merged, places: dict[Name, int]) -> tuple[list[list[Any]], dict[str, list[str]]]:
    """Rows of call, mode, dtype, shape, features, code, loss, exact, gradient, error; texts by number."""
    codes: Interned[str] = Interned()
    gradients: Interned[str] = Interned()
    rows = []
    for each in merged.others:
        if each["record"] == "port":
            subject = each["subject"]
            (code,), (gradient,) = codes.all([each["code"]]), gradients.all([each["gradient"]])
            rows.append([
                places[_name(subject)], subject["mode"], subject["dtype"], each["shape"], "+".join(each["features"]),
                code, each["loss"], each["exact"], gradient, each["gradient_error"],
            ])  # fmt: skip
    return rows, {"codes": codes.values(), "gradients": gradients.values()}


def _call(merged: Merged, call: Name, named_as: Mapping[str, str]) -> Record:
    known = merged.implementations.get(call, {"adapter": call[0], "implementation": call[1]})
    title = short(named_as.get(call[0], call[0]))
    return {**{key: known.get(key, "") for key in _KEPT}, "title": title}


def _modes(merged: Merged, call: Name) -> list[str]:
    recipes = {
        each["subject"]["mode"]: None
        for each in merged.others
        if each["record"] == "port" and _name(each["subject"]) == call
    }
    if recipes:
        return list(recipes)
    return list({each["subject"]["mode"]: None for each in merged.checks if _name(each["subject"]) == call})


def _effects(merged: Merged, places: dict[Name, int]) -> Iterator[list[Any]]:
    """Call, mode, dtype, effect, cause, and whether it is documented: once each."""
    seen = set()
    for check in merged.checks:
        if check["outcome"] not in BREAKS:
            continue
        subject = check["subject"]
        if subject["dtype"] not in _DTYPES or check["clause"][:1] == "C" or _name(subject) not in places:
            continue
        found = effect(check)
        row = (
            places[_name(subject)],
            subject["mode"],
            subject["dtype"],
            found.quantity,
            found.what,
            check.get("deviation", ""),
            bool(check.get("documented")),
        )
        if row not in seen:
            seen.add(row)
            yield list(row)


def _is_of(sample: Sample, places: dict[Name, int], dtype: str, quantity: str) -> bool:
    subject = sample.subject
    return (
        subject["dtype"] == dtype
        and sample.quantity == quantity
        and _name(subject) in places
        and subject["device"] == "cpu"
    )


def _name(subject: dict[str, str]) -> Name:
    return subject["adapter"], subject["implementation"]

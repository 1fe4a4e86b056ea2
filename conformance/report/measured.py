"""What two runs measured, against each other: times beyond the noise, sweeps with other bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.records.record import Record
from conformance.report.change import Change

Key = tuple[str, ...]


def slower(old: Sequence[Record], new: Sequence[Record]) -> Iterator[Change]:
    """Times whose noise bands (``low`` to ``high``, seconds) no longer touch."""
    before = {_timed(each): each for each in old if each["record"] == "speed"}
    for each in new:
        if each["record"] != "speed" or (was := before.get(_timed(each))) is None:
            continue
        if each["low"] > was["high"]:
            subject = each["subject"]
            factor = f"{each['low'] / was['high']:.2f} times"
            yield _change("slower", subject, ("slower by", factor), str(each["workload"]))


def swept(old: Sequence[Record], new: Sequence[Record]) -> Iterator[Change]:
    """Sweeps of the same subject, by the hash of all their bits: what is the same needs no second look."""
    before = {(*_timed(each), str(each["options"])): each for each in old if each["record"] == "sweep"}
    for each in new:
        was = before.get((*_timed(each), str(each["options"]))) if each["record"] == "sweep" else None
        if was is None or not (each["complete"] and was["complete"]) or was.get("hash") == each.get("hash"):
            continue
        for one, other in zip(was["found"], each["found"], strict=False):
            worse, better = _beyond(other) > _beyond(one), _beyond(other) < _beyond(one)
            kind = "swept worse" if worse else "swept better" if better else "swept otherwise"
            subject = each["subject"]
            told = (_found(one, "beyond the bound, "), _found(other, ""))
            yield _change(kind, subject, told, f"{other['quantity']}, label {other['label']}")


def _change(kind: str, subject: dict[str, str], told: tuple[str, str], case: str) -> Change:
    made = Change(kind, subject["adapter"], subject["implementation"], "", "", *told)
    made.modes.add(subject["mode"])
    made.dtypes.add(subject["dtype"])
    made.devices.add(subject["device"])
    made.cases[case] += 1
    return made


def _beyond(found: Record) -> int:
    return sum(found["counts"].get(name, 0) for name in {region["class"] for region in found["regions"]})


def _found(found: Record, beyond: str) -> str:
    worst = f", worst {found['worst']['ulp']:.4g} ULP" if "worst" in found else ""
    return f"{_beyond(found):,} of {found['elements']:,} {beyond}".rstrip(", ") + worst


def _timed(record: Record) -> Key:
    subject = record["subject"]
    names = ("adapter", "implementation", "mode", "device", "dtype")
    return (*(subject[name] for name in names), str(record.get("workload", "")))

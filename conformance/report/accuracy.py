"""ACCURACY.md: of all that was swept the largest error, the shares by error, and the command that counts again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.report import cells, home
from conformance.report.merge import Merged
from conformance.report.swept import Cell, Swept, swept, worst
from conformance.report.titles import short, states, titles

_INTRODUCTION = """\
# Accuracy

<!-- Written by `python -m conformance report {runs} --accuracy ACCURACY.md`; a test holds it to the
records. -->

The largest error of a sigmoid cross-entropy, its loss and its gradient, by framework, function, mode and device.

- **ULP:** `|got - y| / ulp(y)` of the exact real `y`, with `ulp(y) = 2^(max(floor(log2|y|), emin) - p + 1)`. 0.5 is
  correctly rounded. Numbers are rounded up in the third digit, lower bounds down.
- **bfloat16, float16, float32:** every bit pattern as a logit, for label 0 and for label 1. The largest error is the
  largest there is, on this machine; the shares are counts. No sample, and no tolerance.
- **float64:** searched, for nobody can try them all: the largest error that was found, a lower bound (≥).
- **The exact result** is enclosed by polynomials with a proven bound, and where these do not decide, by ball
  arithmetic.
- **lost** beside a number: of some results less than half is right, as of a 0 for 1e-5. **NaN**, **inf**, **wrong
  sign**: at a finite logit where the result is a number of the dtype. What happens at infinite logits and at NaN stands
  with the shares.
- **flushed:** a subnormal result that is 0 is no distance. It is counted apart.
- Modes that stand together returned the same bits for every logit and both labels.
- Second derivatives, soft labels, weights and reductions are not swept. [SPEC.md](SPEC.md) has the clauses on them,
  [reports/cpu/index.html](reports/cpu/index.html) what was found.

Machine: {machines}. Of a framework, function, mode or dtype that is not here nothing is claimed: it was not swept.
"""
_STATED = """\
## What the frameworks state

What their documentation says of the accuracy of these functions, or of what they are made of; what it says of one dtype
stands beside that. Of the others nothing was found that says how accurate a result is.

"""
_COMMANDS = """\
## Commands

Each counts one subject again. `NAME==VERSION` makes an environment; where a framework of that version is installed
beside the suite, `--adapter NAME` takes it as it is and is faster.
"""
_ORDER = ("bfloat16", "float16", "float32", "float64")


def text(merged: Merged, runs: str) -> str:
    """The whole document; ``runs`` is what was named on the command line."""
    found = swept(merged)
    by_dtype = {name: [each for each in found if each.subject["dtype"] == name] for name in _ORDER}
    said = states(merged)
    parts = [_INTRODUCTION.format(runs=runs, machines=home.facts(merged)["machines"]).rstrip("\n")]
    for name, those in by_dtype.items():
        if those:
            parts.append(
                "\n".join(["", f"## {name}", "", *_largest(those), *_stated_of(said, name, merged), *_shares(those)])
            )
    return "\n".join([*parts, "", _STATED + "\n".join(_stated(said, merged)), "", _COMMANDS, *_commands(found)]) + "\n"


def _columns(those: Sequence[Swept]) -> list[Cell]:
    return sorted({cell for each in those for cell in each.rows}, key=lambda cell: (cell[0] != "loss", cell))


def _largest(those: Sequence[Swept]) -> Iterator[str]:
    columns = _columns(those)
    yield f"Largest error in ULP, {'searched' if next(iter(those[0].rows.values())).searched else 'exhaustive'}:"
    yield ""
    yield from cells.head(
        ["function", "mode", "device", *(f"{name}, label {label}" for name, label in columns), "command"]
    )
    for each in those:
        errors = [worst(each.rows[cell]) if cell in each.rows else "" for cell in columns]
        yield cells.row(
            [each.name, ", ".join(each.modes), each.subject["device"], *errors, f"[{each.number}](#c{each.number})"]
        )


def _shares(those: Sequence[Swept]) -> Iterator[str]:
    """The shares by error, folded away: four rows a function."""
    counted = [each for each in those if not next(iter(each.rows.values())).searched]
    if not counted:
        return
    columns = _columns(counted)
    yield from (
        "",
        f"<details><summary>Shares of all results by their error in ULP, {those[0].subject['dtype']}</summary>",
        "",
    )
    names = list(next(iter(counted[0].rows.values())).shares)
    yield from cells.head(["function", "mode", "quantity, label", *names, "worst distance", "at logit", "no distance"])
    for each in counted:
        for cell in columns:
            if row := each.rows.get(cell):
                farthest = (row.worst.get("ulp", ""), row.worst.get("logit", ""))
                who = (each.name, ", ".join(each.modes), ", ".join(cell))
                yield cells.row([*who, *row.shares.values(), *farthest, row.others])
    yield from ("", "</details>")


def _stated_of(said: Mapping[str, Sequence[Mapping[str, Any]]], dtype: str, merged: Merged) -> Iterator[str]:
    """What is stated of one dtype, beside what was measured in it."""
    for adapter, statements in said.items():
        for each in statements:
            if dtype in each.get("dtypes", ()):
                yield from ("", f"{short(titles(merged)[adapter])} states of {each['of']}: {_statement(each)}")


def _stated(said: Mapping[str, Sequence[Mapping[str, Any]]], merged: Merged) -> Iterator[str]:
    yield from cells.head(["framework", "of", "what it says", "where, and when it was read"])
    for adapter, statements in said.items():
        for each in statements:
            if not each.get("dtypes"):
                place = f"[documentation]({each['url']}), {each['read']}"
                yield cells.row([titles(merged)[adapter], each["of"], each["says"], place])


def _statement(each: Mapping[str, Any]) -> str:
    return f"{cells.escaped(each['says'])} ([documentation]({each['url']}), read {each['read']})"


def _commands(found: Sequence[Swept]) -> Iterator[str]:
    for each in found:
        yield from (
            f'<a id="c{each.number}"></a>{each.number}. {each.name}, {each.subject["dtype"]}',
            "",
            "```sh",
            *each.commands,
            "```",
            "",
        )

"""The page made of merged runs: one file that needs no network."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import numpy as np

from conformance import __version__
from conformance.adapter import ROLES
from conformance.records import record
from conformance.report import (
    agreement,
    anatomy,
    causes,
    change,
    compare,
    curves,
    explorer,
    history,
    overview,
    speed,
    standing,
    sweeps,
)
from conformance.report.merge import Merged, merge, named, write_records
from conformance.report.pack import compressed
from conformance.report.states import LEVELS, SEVERITIES, STATES
from conformance.report.teeth import Teeth
from conformance.spec.clauses import CLAUSES
from conformance.storage import files
from conformance.subjects.reproducer import shown

__all__ = ["Merged", "merge", "render", "write", "write_comparison", "write_history", "write_records"]

HERE = Path(__file__).parent
SECTIONS = {
    "verdict": "Verdict",
    "cases": "Cases",
    "where": "Where",
    "why": "Why",
    "agreement": "Agreement",
    "anatomy": "Anatomy",
    "speed": "Speed",
    "sweeps": "Sweeps",
    "teeth": "Teeth",
    "runs": "Runs",
}
_LEGEND = {
    "conforms": ("conforms", STATES["conforms"]),
    **{level: (f"{level}, known", f"known deviation of a {level} clause: {told}") for level, told in LEVELS.items()},
    "documented": ("documented", STATES["documented"]),
    "unexpected": ("unexpected", STATES["unexpected"]),
    "crashed": ("crashed", STATES["crashed"]),
    "unsupported": ("unsupported", STATES["unsupported"]),
    "no-data": ("no data", STATES["no-data"]),
}
_MOST_SURPRISES = 200
_LEADING = 5


def write(merged: Merged, path: Path, teeth: Teeth | None = None) -> None:
    """Write the page."""
    files.write(path, render(merged, teeth))


def render(merged: Merged, teeth: Teeth | None = None) -> str:
    """The page's HTML. Everything that comes from records is escaped, or in the alphabet of base64."""
    who = standing.standing(merged)
    of_functions = [check for check in merged.checks if who.role(check) == "function"]
    others = [check for check in merged.checks if who.role(check) != "function"]
    frameworks, apart = overview.overview(of_functions, who), overview.overview(others)
    found = causes.causes(merged)
    judged = causes.of_functions(found)
    surprises = [check for check in merged.checks if not check["expected"]]
    swept = sweeps.rows(merged)
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            version=__version__,
            nav=SECTIONS,
            sections=SECTIONS,
            merged=merged,
            runs=merged.runs,
            notes=merged.notes,
            total=len(merged.checks),
            subjects=len({named(check["subject"]) for check in merged.checks}),
            frameworks=frameworks,
            apart=apart,
            judged=judged,
            leading=judged[:_LEADING],
            documented_count=sum(each["rows"][0]["documented"] for each in found),
            counted=sum(1 for _ in who.counted(merged.checks)),
            roles=ROLES,
            severities=SEVERITIES,
            missing=merged.missing(),
            dtypes=overview.dtypes(merged.checks),
            devices=sorted({row.device for each in (*frameworks, *apart) for row in each.rows}),
            chapters=overview.chapters(merged.checks),
            causes=found,
            surprises=surprises[:_MOST_SURPRISES],
            surprise_count=len(surprises),
            nothing=not any(
                check["outcome"] in ("conforms", "deviates", "errored", "crashed") for check in merged.checks
            ),
            clauses=CLAUSES,
            states=STATES,
            levels=LEVELS,
            legend=_LEGEND,
            has_curves=bool(merged.curves),
            anatomy=[(each, anatomy.steps(each)) for each in anatomy.EXAMPLES.values()],
            has_speed=any(each["record"] == "speed" for each in merged.others),
            sweeps=swept,
            teeth=teeth,
            data=_data(merged, found, swept),
            script=markupsafe.Markup("\n").join(_script(f"scripts/{path.name}") for path in _scripts()),
            style=_style(),
        )
    )


def write_comparison(comparison: compare.Comparison, path: Path) -> None:
    """Write the page of two runs."""
    text = (
        environment()
        .get_template("compare.html.jinja")
        .render(
            it=comparison,
            headline=compare.headline(comparison),
            kinds=change.KINDS,
            regressions=change.REGRESSIONS,
            style=_style(),
        )
    )
    files.write(path, text)


def write_history(found: history.History, path: Path) -> None:
    """Write the page of many runs."""
    script = markupsafe.Markup("\n").join((_script("scripts/10-core.js"), _script("history_scripts/history.js")))
    text = (
        environment()
        .get_template("history.html.jinja")
        .render(it=found, levels=LEVELS, data=history.data(found), charts=charts(), script=script, style=_style())
    )
    files.write(path, text)


@functools.cache
def environment() -> jinja2.Environment:
    """Templates, with everything escaped and no name undefined."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters |= {"decimal": decimal, "ulps": ulps, "rows": _rows, "shade": _shade}
    return made


def _scripts() -> list[Path]:
    """The page's own scripts, in the order of their names."""
    return sorted((HERE / "scripts").glob("*.js"))


def _script(name: str) -> markupsafe.Markup:
    return markupsafe.Markup((HERE / name).read_text(encoding="utf-8"))


def _style() -> markupsafe.Markup:
    return markupsafe.Markup((HERE / "style.css").read_text(encoding="utf-8"))


def decimal(text: str) -> str:
    """A recorded number as a decimal; anything else as it is."""
    try:
        return shown(text)
    except (ValueError, OverflowError):
        return text


def ulps(value: Any) -> str:
    """A number of ULPs for reading."""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:.3g}" if value < 1e5 else f"{value:.1e}".replace("e+0", "e").replace("e+", "e")


def _data(merged: Merged, found: list[causes.Cause], swept: list[sweeps.Row]) -> Mapping[str, str]:
    data = {"explorer": explorer.explorer(merged, found), "records": _uncounted(merged)}
    drawn = {"speed": speed.speed(merged), "sweeps": sweeps.sweeps(swept)}
    if merged.curves:
        grids = curves.lattices(merged)
        measured = list(curves.samples(merged, grids))
        drawn["curves"] = curves.curves(merged, grids, measured)
        drawn["agreement"] = agreement.agreement(merged, grids, measured, found)
    drawn = {name: text for name, text in drawn.items() if text}
    return {**data, **drawn, **({"charts": charts()} if drawn else {})}


@functools.cache
def charts() -> str:
    """The chart libraries, compressed: D3 first, Plot second."""
    vendor = HERE / "vendor"
    return compressed(b"\n".join((vendor / name).read_bytes() for name in ("d3.min.js", "plot.umd.min.js")))


def _uncounted(merged: Merged) -> str:
    """Every merged record that is no check: with the explorer's checks, the whole download."""
    lines = (record.line(each) for each in merged.records() if each["record"] != "check")
    return compressed(("\n".join(lines) + "\n").encode())


def _rows(value: Any) -> Iterator[list[float]]:
    array = np.asarray(value, np.float64)
    yield from array.reshape(-1, array.shape[-1] if array.ndim else 1).tolist()


def _shade(value: float) -> str:
    """How strongly a cell is coloured, 0 to 1."""
    return f"{min(1.0, math.log1p(abs(value)) / 2):.2f}"

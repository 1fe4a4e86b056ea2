"""The page made of merged runs: one file that needs no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import markupsafe

from conformance import __version__
from conformance.adapter import ROLES
from conformance.records import record
from conformance.records.record import BREAKS
from conformance.report import (
    anatomy,
    causes,
    change,
    compare,
    curves,
    doors,
    draft,
    explorer,
    history,
    home,
    overview,
    port,
    searching,
    speed,
    standing,
    sweeps,
    templates,
    titles,
    traps,
)
from conformance.report.glossary import GLOSSARY
from conformance.report.merge import Merged, merge, named, write_records
from conformance.report.pack import compressed
from conformance.report.states import LEVELS, SEVERITIES, STATES
from conformance.report.teeth import Teeth
from conformance.spec.clauses import CLAUSES
from conformance.storage import files

__all__ = ["Merged", "merge", "render", "write", "write_comparison", "write_history", "write_records"]

SECTIONS = ("home", "find", "fix", "port", "kernel", "verdict", "cases", "where", "sweeps", "speed", "about")
MEASURED = {
    "verdict": "Tiles",
    "cases": "Cases",
    "where": "Error by logit",
    "sweeps": "Every float",
    "speed": "Speed",
}
ABOUT = {
    "glossary": "Glossary",
    "clauses": "Clauses",
    "runs": "Runs and download",
    "anatomy": "The formula, step by step",
    "apart": "Formulas of users' and our own",
    "teeth": "How the tests are tested",
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


def write(merged: Merged, path: Path, teeth: Teeth | None = None) -> None:
    """Write the page."""
    files.write(path, render(merged, teeth))


def render(merged: Merged, teeth: Teeth | None = None) -> str:
    """The page's HTML. Everything that comes from records is escaped, or in the alphabet of base64."""
    who = standing.standing(merged)
    found = causes.causes(merged, who)
    swept = sweeps.rows(merged)
    shown = {
        **_head(merged, who, found),
        **_tiles(merged, who),
        **_news(merged),
        "composed": [doors.alone(each) for each in found if each["role"] != "function"],
        "traps": traps.traps(merged, who),
        "anatomy": [(each, anatomy.steps(each)) for each in anatomy.EXAMPLES.values()],
        "has_curves": bool(merged.curves),
        "has_speed": any(each["record"] == "speed" for each in merged.others),
        "has_ports": any(each["record"] == "port" for each in merged.others),
        "sweeps": swept,
        "teeth": teeth,
        "data": _data(merged, found, swept, who),
    }
    return templates.environment().get_template("page.html.jinja").render(**_fixed(), **shown)


def _fixed() -> dict[str, Any]:
    """What is the same on every page."""
    return {
        "version": __version__, "sections": SECTIONS, "measured": MEASURED, "about": ABOUT, "roles": ROLES,
        "clauses": CLAUSES, "states": STATES, "levels": LEVELS, "legend": _LEGEND, "columns": home.COLUMNS,
        "glossary": GLOSSARY, "short": titles.short, "draft": draft.draft, "style": templates.style(),
        "script": templates.scripts(),
    }  # fmt: skip


def _head(merged: Merged, who: standing.Standing, found: list[causes.Cause]) -> dict[str, Any]:
    return {
        "merged": merged,
        "runs": merged.runs,
        "notes": merged.notes,
        "missing": merged.missing(),
        "facts": home.facts(merged),
        "titles": titles.titles(merged),
        "doors": doors.doors(merged, who, found),
        "lines": home.lines(merged, who, found),
        "total": len(merged.checks),
        "counted": sum(1 for _ in who.counted(merged.checks)),
    }


def _tiles(merged: Merged, who: standing.Standing) -> dict[str, Any]:
    frameworks = overview.overview((check for check in merged.checks if who.role(check) == "function"), who)
    apart = overview.overview(check for check in merged.checks if who.role(check) != "function")
    rows = [row for each in (*frameworks, *apart) for row in each.rows]
    return {
        "frameworks": frameworks,
        "apart": apart,
        "subjects": len({named(check["subject"]) for check in merged.checks}),
        "dtypes": overview.dtypes(merged.checks),
        "devices": sorted({row.device for row in rows}),
        "chapters": overview.chapters(merged.checks),
        "kinds": {tile.kind for row in rows for tiles in row.tiles.values() for tile in tiles.values()},
    }


def _news(merged: Merged) -> dict[str, Any]:
    surprises = [check for check in merged.checks if not check["expected"]]
    new_of = Counter(check["subject"]["adapter"] for check in surprises)
    judged = any(check["outcome"] in ("conforms", *BREAKS) for check in merged.checks)
    return {
        "surprises": surprises[:_MOST_SURPRISES],
        "surprise_count": len(surprises),
        "nothing": not judged,
        "new_of": new_of,
    }


def write_comparison(comparison: compare.Comparison, path: Path) -> None:
    """Write the page of two runs."""
    text = (
        templates.environment()
        .get_template("compare.html.jinja")
        .render(
            it=comparison,
            headline=compare.headline(comparison),
            kinds=change.KINDS,
            regressions=change.REGRESSIONS,
            style=templates.style(),
        )
    )
    files.write(path, text)


def write_history(found: history.History, path: Path) -> None:
    """Write the page of many runs."""
    script = markupsafe.Markup("\n").join(
        (templates.script("scripts/10-core.js"), templates.script("history_scripts/history.js"))
    )
    text = (
        templates.environment()
        .get_template("history.html.jinja")
        .render(
            it=found,
            levels=LEVELS,
            severities=SEVERITIES,
            data=history.data(found),
            charts=templates.charts(),
            script=script,
            style=templates.style(),
        )
    )
    files.write(path, text)


def _data(
    merged: Merged, found: list[causes.Cause], swept: list[sweeps.Row], who: standing.Standing
) -> Mapping[str, str]:
    data = {
        "explorer": explorer.explorer(merged, found),
        "records": _uncounted(merged),
        "search": searching.searching(merged, found),
    }
    drawn = {"speed": speed.speed(merged, who), "sweeps": sweeps.sweeps(swept)}
    grids = curves.lattices(merged) if merged.curves else {}
    measured = list(curves.samples(merged, grids))
    if measured:
        drawn["curves"] = curves.curves(merged, grids, measured)
    data["port"] = port.port(merged, who, found, grids, measured)
    drawn = {name: text for name, text in drawn.items() if text}
    return {**data, **drawn, **({"charts": templates.charts()} if drawn else {})}


def _uncounted(merged: Merged) -> str:
    """Every merged record that is no check: with the explorer's checks, the whole download."""
    lines = (record.line(each) for each in merged.records() if each["record"] != "check")
    return compressed(("\n".join(lines) + "\n").encode())

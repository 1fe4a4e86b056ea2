"""Templates, scripts, style and charts of the page: what is the same for all records."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import numpy as np

from conformance.report import searching
from conformance.report.pack import compressed
from conformance.subjects.reproducer import shown

HERE = Path(__file__).parent


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
    made.filters |= {"decimal": decimal, "ulps": ulps, "rows": _rows, "shade": _shade, "slug": searching.slug}
    return made


def scripts() -> markupsafe.Markup:
    """The page's own scripts, in the order of their names."""
    found = sorted((HERE / "scripts").glob("*.js"))
    return markupsafe.Markup("\n").join(script(f"scripts/{path.name}") for path in found)


def script(name: str) -> markupsafe.Markup:
    """A script by its name."""
    return markupsafe.Markup((HERE / name).read_text(encoding="utf-8"))


def style() -> markupsafe.Markup:
    """The style of every page."""
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


@functools.cache
def charts() -> str:
    """The chart libraries, compressed: D3 first, Plot second."""
    vendor = HERE / "vendor"
    return compressed(b"\n".join((vendor / name).read_bytes() for name in ("d3.min.js", "plot.umd.min.js")))


def _rows(value: Any) -> Iterator[list[float]]:
    array = np.asarray(value, np.float64)
    yield from array.reshape(-1, array.shape[-1] if array.ndim else 1).tolist()


def _shade(value: float) -> str:
    """How strongly a cell is coloured, 0 to 1."""
    return f"{min(1.0, math.log1p(abs(value)) / 2):.2f}"

"""Validation against the JSON Schemas in conformance/schemas/, reported as one line."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema

from conformance.content import PACKAGE
from conformance.errors import ContentError


def validate(data: Any, schema: str, file: Path | str, entry: str = "") -> None:
    """Raise ContentError for the first place where ``data`` breaks the schema named ``schema``."""
    error = next(iter(_validator(schema).iter_errors(data)), None)
    if error is None:
        return
    best = jsonschema.exceptions.best_match([error])
    where = ".".join(str(part) for part in best.absolute_path) or "top level"
    hint = best.schema.get("description", f"see conformance/schemas/{schema}.json")
    raise ContentError(file, f"{entry}{where}", _short(best.message), hint)


@functools.cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    text = (PACKAGE / "schemas" / f"{schema}.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def _short(message: str) -> str:
    return message if len(message) <= 160 else f"{message[:110]} ... {message[-45:]}"

"""Validation against the JSON Schemas in conformance/schemas/, reported as one line."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from conformance.errors import ContentError
from conformance.storage.content import PACKAGE
from conformance.storage.fits import predicate


def validate(data: Any, schema: str, file: Path | str, entry: str = "", kind: str = "") -> None:
    """Raise ContentError for the first place where ``data`` breaks the schema named ``schema``.

    ``kind`` names a kind of record: the schema's branch for it says more clearly what is wrong than all together.
    """
    if _fits(schema, kind)(data):
        return
    # It says where and why; of what fits it would say so sixty times as slowly.
    error = next(iter(_validator(schema, kind).iter_errors(data)), None)
    if error is None:
        return
    best = jsonschema.exceptions.best_match([error])
    where = ".".join(str(part) for part in best.absolute_path) or "top level"
    hint = best.schema.get("description", f"see conformance/schemas/{schema}.json")
    raise ContentError(file, f"{entry}{where}", _short(best.message), hint)


@functools.cache
def record_kinds() -> dict[str, Callable[[Any], bool]]:
    """For each kind of record, whether an object is one, without a reason but fast."""
    schema = _schema("result")
    return {kind: predicate(_branch(schema, kind), schema) for each in schema["oneOf"] for kind in _kinds(each)}


@functools.cache
def _fits(schema: str, kind: str) -> Callable[[Any], bool]:
    whole = _schema(schema)
    return predicate(_branch(whole, kind) if kind else whole, whole)


@functools.cache
def _validator(schema: str, kind: str) -> jsonschema.Draft202012Validator:
    whole = _schema(schema)
    return jsonschema.Draft202012Validator(_branch(whole, kind) if kind else whole)


def _branch(schema: Mapping[str, Any], kind: str) -> dict[str, Any]:
    found = next(each for each in schema["oneOf"] if kind in _kinds(each))
    return {"type": "object", **found, "$defs": schema["$defs"]}


def _kinds(branch: Mapping[str, Any]) -> list[str]:
    record = branch["properties"]["record"]
    return [record["const"]] if "const" in record else list(record["enum"])


def _schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PACKAGE / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def _short(message: str) -> str:
    return message if len(message) <= 160 else f"{message[:110]} ... {message[-45:]}"

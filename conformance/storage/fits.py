"""JSON Schemas as predicates, for files of many records: fifty times faster than jsonschema, and without a reason.

Numbers must be finite and integers within MOST_DIGITS, whatever the schema says. What does not fit is put to
jsonschema, which says where and why. A keyword that is not known here is refused.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sized
from typing import Any

from conformance.storage import limits

Predicate = Callable[[Any], bool]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_LARGEST = {int: 10**limits.MOST_DIGITS, float: sys.float_info.max}
_PLAIN = {"title", "description", "$schema", "$defs"}


def predicate(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Predicate:
    """True for what the schema allows; ``root`` has the ``$defs`` to which it refers."""
    if unknown := schema.keys() - _KEYWORDS.keys() - _PLAIN - {"additionalProperties"}:
        raise ValueError(f"unknown keywords {sorted(unknown)}")
    made = [_KEYWORDS[key](each, schema, root) for key, each in schema.items() if key in _KEYWORDS]
    if "additionalProperties" in schema and "properties" not in schema:
        made.append(_properties({}, schema, root))
    if len(made) == 1:
        return made[0]

    def fit(value: Any) -> bool:
        for each in made:  # noqa: SIM110 - all() makes a generator for each value, and takes twice the time
            if not each(value):
                return False
        return True

    return fit


def _type(names: Any, *_: Any) -> Predicate:
    kinds = frozenset(kind for name in ([names] if isinstance(names, str) else names) for kind in _TYPES[name])
    if float not in kinds and int not in kinds:
        return lambda value: type(value) in kinds

    def fit(value: Any) -> bool:
        largest = _LARGEST.get(type(value), 0)
        return type(value) in kinds and (not largest or -largest <= value <= largest)

    return fit


def _properties(named: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]) -> Predicate:
    known = {key: predicate(each, root) for key, each in named.items()}
    rest = schema.get("additionalProperties", True)
    other: Predicate = (lambda _: rest) if isinstance(rest, bool) else predicate(rest, root)

    def fit(value: Any) -> bool:
        if type(value) is not dict:
            return True
        for key, each in value.items():  # noqa: SIM110 - as above
            if not known.get(key, other)(each):
                return False
        return True

    return fit


def _required(keys: list[str], *_: Any) -> Predicate:
    wanted = frozenset(keys)
    return lambda value: type(value) is not dict or wanted <= value.keys()


def _items(schema: Mapping[str, Any], _: Any, root: Mapping[str, Any]) -> Predicate:
    one = predicate(schema, root)
    return lambda value: type(value) is not list or all(map(one, value))


def _one_of(schemas: list[Mapping[str, Any]], _: Any, root: Mapping[str, Any]) -> Predicate:
    ways = [predicate(each, root) for each in schemas]
    return lambda value: sum(each(value) for each in ways) == 1


def _any_of(schemas: list[Mapping[str, Any]], _: Any, root: Mapping[str, Any]) -> Predicate:
    ways = [predicate(each, root) for each in schemas]
    return lambda value: any(each(value) for each in ways)


def _dependent_required(wanted: Mapping[str, list[str]], *_: Any) -> Predicate:
    others = {key: frozenset(each) for key, each in wanted.items()}
    return lambda value: (
        type(value) is not dict or all(each <= value.keys() for key, each in others.items() if key in value)
    )


def _dependent_schemas(schemas: Mapping[str, Any], _: Any, root: Mapping[str, Any]) -> Predicate:
    ways = {key: predicate(each, root) for key, each in schemas.items()}
    return lambda value: type(value) is not dict or all(each(value) for key, each in ways.items() if key in value)


def _property_names(schema: Mapping[str, Any], _: Any, root: Mapping[str, Any]) -> Predicate:
    one = predicate(schema, root)
    return lambda value: type(value) is not dict or all(map(one, value))


def _unique(_: Any, *__: Any) -> Predicate:
    # A list of anything but texts is left to jsonschema.
    return lambda value: (
        type(value) is not list or (all(type(each) is str for each in value) and len({*value}) == len(value))
    )


def _pattern(text: str, *_: Any) -> Predicate:
    search = re.compile(text).search
    return lambda value: type(value) is not str or search(value) is not None


def _sized(kind: type[Sized], test: Callable[[int, int], bool]) -> Callable[..., Predicate]:
    return lambda bound, *_: lambda value: not isinstance(value, kind) or test(len(value), bound)


def _bounded(test: Callable[[float, float], bool]) -> Callable[..., Predicate]:
    return lambda bound, *_: lambda value: type(value) not in (int, float) or test(value, bound)


_KEYWORDS: dict[str, Callable[..., Predicate]] = {
    "type": _type,
    "const": lambda wanted, *_: lambda value: type(value) is type(wanted) and value == wanted,
    "enum": lambda wanted, *_: lambda value: type(value) is str and value in wanted,
    "required": _required,
    "properties": _properties,
    "items": _items,
    "oneOf": _one_of,
    "anyOf": _any_of,
    "propertyNames": _property_names,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "pattern": _pattern,
    "minLength": _sized(str, lambda size, bound: size >= bound),
    "maxLength": _sized(str, lambda size, bound: size <= bound),
    "minItems": _sized(list, lambda size, bound: size >= bound),
    "maxItems": _sized(list, lambda size, bound: size <= bound),
    "uniqueItems": _unique,
    "minProperties": _sized(dict, lambda size, bound: size >= bound),
    "minimum": _bounded(lambda value, bound: value >= bound),
    "maximum": _bounded(lambda value, bound: value <= bound),
    "$ref": lambda place, _, root: predicate(root["$defs"][place.removeprefix("#/$defs/")], root),
}

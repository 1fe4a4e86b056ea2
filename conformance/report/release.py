"""Which framework in which release a check is of: what stands behind --adapter, taken apart."""

from __future__ import annotations

import re
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

from conformance.records.record import Record

_LABEL = re.compile(r"(?P<name>[^\[=]+)(?:\[(?P<pins>[^\]]*)\])?(?:==.*)?")


def of(check: Record) -> tuple[str, str]:
    """The adapter's own name, and the release: '0.6.2', or '0.6.2, optax 0.2.4' where that was chosen as well."""
    return taken_apart(check["subject"]["adapter"], check["subject"]["version"])


def taken_apart(label: str, version: str) -> tuple[str, str]:
    """The same of the name under which an adapter was judged."""
    parts = _LABEL.fullmatch(label)
    if parts is None:
        return label, version
    pins = [_pin(each) for each in (parts["pins"] or "").split(",") if each]
    return parts["name"], ", ".join((version, *pins))


def order(release: str) -> tuple[tuple[int, Any], ...]:
    """A key by which releases are sorted as versions are; what is none comes first."""
    return tuple(_number(each.rpartition(" ")[2]) for each in release.split(", "))


def _pin(text: str) -> str:
    try:
        asked = Requirement(text)
        return f"{asked.name} {str(asked.specifier).removeprefix('==')}"
    except ValueError:  # InvalidRequirement is one; so is int()'s refusal of 5,000 digits
        return text


def _number(text: str) -> tuple[int, Any]:
    try:
        return 1, Version(text)
    except ValueError:  # InvalidVersion is one; so is int()'s refusal of 5,000 digits
        return 0, text

"""Options of the project's own tests."""

from __future__ import annotations

import os

import hypothesis
import pytest

# Read when a kernel is decorated, Triton's own among them, which is when somebody imports it first.
os.environ.setdefault("TRITON_INTERPRET", "1")
# As in conformance/remote/link.py: with it pytest-xdist's workers leave each other the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("own", deadline=None)
hypothesis.settings.load_profile("own")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What takes long, and what writes."""
    group = parser.getgroup("own tests")
    group.addoption("--write-teeth", action="store_true", help="store the kill matrix in reports/teeth.json")
    group.addoption("--exhaustive", action="store_true", help="every exemplar in every dtype on every case")

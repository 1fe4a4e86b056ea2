"""Options of the project's own tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from conformance.records import record
from conformance.report import page, teeth
from conformance.report.merge import Merged, merge
from conformance.storage import content
from conformance.verbs.reporting import results

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    from playwright.sync_api import sync_playwright  # not everywhere where these tests run

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no Chromium: apt-get install chromium (the page is tested in a real browser)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def published_run() -> Merged:
    """The published reference run."""
    return merge(list(record.read(each)) for each in results(content.PACKAGE.parent / "reports" / "cpu"))


@pytest.fixture(scope="session")
def published(published_run: Merged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the published run."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    page.write(published_run, path, teeth.published())
    return path

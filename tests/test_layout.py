"""The rooms of the house: what stands where, and what must not know of what."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from conformance.remote import manifest
from conformance.storage import content

ROOT = content.PACKAGE.parent
FRAMEWORKS = {"torch", "tensorflow", "jax", "optax", "keras", "scipy", "paddle", "mlx", "tinygrad", "sklearn"}


def test_every_adapter_beside_the_engine_has_a_tox_environment_and_an_extra() -> None:
    """The directory listing is the registry; tox.ini and pyproject.toml are held against it.

    The others are judged in environments that are made from their adapter.toml.
    """
    beside = {name for name, folder in content.adapter_folders().items() if manifest.read(folder).beside}
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    judged = set(re.findall(r"--adapter (\w+)", (ROOT / "tox.ini").read_text(encoding="utf-8")))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    assert judged == beside
    assert beside <= set(extras)
    assert beside <= set(re.split(r",\s*", tox["tox"]["env_list"]))


def test_content_folders_are_no_packages() -> None:
    """An __init__.py there would shadow somebody else's `adapters`."""
    for name in ("adapters", "cases", "reports"):
        assert not list((ROOT / name).rglob("__init__.py"))


def test_the_engine_imports_no_framework() -> None:
    """Neither in its source, nor when it lists what it has."""
    for path in content.PACKAGE.rglob("*.py"):
        names = re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert not FRAMEWORKS.intersection(names), path
    code = (
        "import sys, conformance.verbs.commands, conformance.plugin, conformance.judging.session\n"
        f"print({sorted(FRAMEWORKS)!r} and [name for name in {sorted(FRAMEWORKS)!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"


def test_a_room_imports_downwards_only() -> None:
    """The rooms and their order stand in pyproject.toml; one that is missing there is an error."""
    command = (
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_logo=True, no_cache=True))"
    )
    result = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stdout


def test_every_room_says_what_it_is() -> None:
    """A newcomer reads a package's first line."""
    for room in content.PACKAGE.glob("*/__init__.py"):
        assert room.read_text(encoding="utf-8").startswith('"""'), room


def test_adapters_know_nothing_of_cases() -> None:
    """They import the adapter contract, one another, and the control the oracle."""
    for path in (ROOT / "adapters").rglob("*.py"):
        used = set(
            re.findall(r"^\s*(?:from|import) conformance\.?(\w*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert used <= {"adapter", "adapters", ""}, path


@pytest.mark.parametrize("path", sorted((content.PACKAGE).rglob("*.py")), ids=lambda path: path.name)
def test_modules_stay_short(path: Path) -> None:
    """400 lines is a smell."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_the_wheel_holds_one_package_with_its_content(tmp_path: Path) -> None:
    """`conformance` is the only import name; cases and adapters travel inside it, byte for byte."""
    import zipfile

    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        for folder in ("cases", "adapters"):
            for path in (ROOT / folder).rglob("*.toml"):
                assert wheel.read(f"conformance/{path.relative_to(ROOT).as_posix()}") == path.read_bytes()
    assert {name.split("/")[0] for name in names} == {"conformance"}
    assert not [name for name in names if "__pycache__" in name]
    assert {
        "conformance/report/page.html.jinja",
        "conformance/report/vendor/d3.min.js",
        "conformance/schemas/case.json",
    } <= names


def test_workflows_are_valid() -> None:
    """Ours and the example for other people's CI, against GitHub's schema."""
    paths = [*(ROOT / ".github" / "workflows").glob("*.yml"), *(ROOT / "examples").glob("*.yml")]
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *paths]

    assert len(paths) >= 2
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout

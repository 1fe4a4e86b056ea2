"""Where a framework is: what may stand behind --adapter, environments that are made, and adapter.toml."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from conformance.errors import UsageError
from conformance.remote import environments, loader, manifest
from conformance.storage.content import adapter_folders
from tests.command import ROOT, checks, conformance

TINY = "pypackage"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A folder whose framework is a distribution that is made here."""
    folder = tmp_path / "tiny_adapter"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(("asked", "told"), [
    ("numpy@", "write NAME, NAME@path/to/python or NAME==VERSION"),
    ("numpy@nowhere/python", "no interpreter 'nowhere/python'; name one"),
    ("numpy==one", "'==one' is no version"),
    ("numpy==0.9", "the adapter is for versions >=1.23"),
    ("nothing==1", "unknown adapter 'nothing'"),
])  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(cache: Path, asked: str, told: str) -> None:
    """And nothing is made."""
    with pytest.raises(UsageError, match=re.escape(told)):
        environments.locate(asked)
    assert not cache.exists()


@pytest.mark.parametrize(("text", "told"), [
    ("versions = 3", "versions: 3 is not of type 'string'; write a version specifier"),
    ("versions = 'x'", "x: it is no version specifier"),
    ("versions = '>=1'\nwith = ['a b c']", "a b c: "),
    ("versions = '>=1'\ncolour = 'red'", "Additional properties are not allowed"),
    ("framework = ['a']", "'versions' is a required property"),
    ("versions = ", "it is not TOML"),
    ("versions = '>=1'\n[[companions]]\nversions = '<2'", "'with' is a required property"),
])  # fmt: skip
def test_a_manifest_that_cannot_be_used_is_refused_in_one_line(adapter: Path, text: str, told: str) -> None:
    """Which file, which entry, what is wrong and what would be right."""
    (adapter / "adapter.toml").write_text(text)
    with pytest.raises(UsageError, match=re.escape(told)) as caught:
        manifest.read(adapter)
    assert str(caught.value).startswith(str(adapter / "adapter.toml"))


def test_another_python_than_the_framework_is_for_is_refused_in_one_line(cache: Path, adapter: Path) -> None:
    """Before anything is made."""
    (adapter / "adapter.py").write_text("")
    (adapter / "adapter.toml").write_text("framework = ['pypackage']\nversions = '>=1'\npython = '<3'\n")
    with pytest.raises(UsageError, match=r"the framework is for Python <3, and this is 3\.\d+\.\d+; name another one"):
        environments.locate(f"{adapter}==1.0")
    assert not cache.exists()


def test_companions_come_with_the_versions_that_need_them() -> None:
    """And the specifier goes to the framework alone."""
    known = manifest.read(ROOT / "adapters" / "tensorflow")
    old, new = (known.requirements(SpecifierSet(each)) for each in ("==2.15.1", "==2.21.0"))

    assert "numpy<2" in old
    assert "numpy<2" not in new
    assert any(each.startswith("tensorflow-cpu==2.15.1") for each in old)


def test_the_manifests_are_where_extras_come_from() -> None:
    """pyproject.toml's extras are the manifests' ``beside``, and tox has an environment for each of those."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    tox = (ROOT / "tox.ini").read_text()
    for name, folder in adapter_folders().items():
        data = tomllib.loads((folder / "adapter.toml").read_text())
        if "beside" in data:
            assert extras[name] == data["beside"]
            assert f"\n[testenv:{name}]\n" in tox
        versions = manifest.read(folder).versions
        assert all(versions.contains(each) for each in data["published"])


def test_a_library_needs_what_its_framework_needs() -> None:
    """The version that is asked for is the library's; the framework comes in any that its adapter is for."""
    wanted = manifest.read(ROOT / "adapters" / "torchvision").requirements(SpecifierSet("==0.28.0"))

    assert any(each.startswith("torchvision==0.28.0") for each in wanted)
    assert "torch>=2.2" in wanted


def test_a_library_upon_nothing_is_refused_in_one_line(adapter: Path) -> None:
    """With the names that are known."""
    (adapter / "adapter.toml").write_text("versions = '>=1'\nupon = 'nothing'\n")
    with pytest.raises(UsageError, match=r"upon = 'nothing': no such adapter; name one of .*pytorch"):
        manifest.read(adapter)


def test_without_names_only_what_is_beside_the_engine_is_judged() -> None:
    """A framework that has an environment of its own costs a run nothing until it is asked for."""
    assert {name for name in loader.beside() if name in adapter_folders()} == {"jax", "numpy", "pytorch", "tensorflow"}


def test_a_framework_that_is_asked_for_and_not_here_says_how_to_have_it(tmp_path: Path) -> None:
    """In one line: it has no extra."""
    result = conformance("run", "--adapter", "tinygrad", "--out", "out", cwd=tmp_path)

    assert result.returncode == 2
    assert "no module 'tinygrad'; --adapter 'tinygrad>=0.10' makes an environment, " in result.stdout
    assert "no pass: nothing was judged" in result.stdout


def test_packages_of_npm_are_asked_for_as_npm_writes_versions() -> None:
    """And the command of the worker is told where they are."""
    folder = ROOT / "adapters" / "tfjs"
    known = manifest.read(folder)
    asked = known.packages(SpecifierSet("==4.22.0"))

    assert set(asked[0].removeprefix("@tensorflow/tfjs-core@").split()) == {"4.22.0", ">=4"}
    assert known.started_by(folder, "python", "made") == ("node", f"{folder}/worker.mjs", "made")


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_program_in_another_language_says_what_it_lacks(tmp_path: Path) -> None:
    """Where its packages are not installed."""
    result = conformance("run", "--adapter", "tfjs", "--out", "out", cwd=tmp_path)

    assert result.returncode == 2
    assert "no module '@tensorflow/tfjs-core'; --adapter 'tfjs>=4' makes an environment, " in result.stdout


def test_another_python_is_judged_under_its_version(tmp_path: Path) -> None:
    """Beside the engine's own, in one run, with the records of each under a name of its own."""
    result = conformance(
        "run", "--adapter", "numpy", "--adapter", f"numpy@{sys.executable}", "--implementation", "exact",
        "--dtype", "float32", "--clause", "V2", "--case", "values/*", "--out", "out", cwd=tmp_path,
    )  # fmt: skip
    found = checks(tmp_path / "out")
    names = {each["subject"]["adapter"] for each in found}
    version = found[0]["subject"]["version"]

    assert result.returncode == 0, result.stdout + result.stderr
    assert names == {"numpy", f"numpy=={version}"}
    results = [[each["measures"] for each in found if each["subject"]["adapter"] == name] for name in sorted(names)]
    assert results[0] == results[1]
    assert f"NumPy, SciPy {version}" in (tmp_path / "out" / "index.html").read_text()


def test_one_version_is_judged_once(tmp_path: Path) -> None:
    """Under one name there would be two results of a check."""
    twice = ("--adapter", f"numpy@{sys.executable}") * 2
    result = conformance(
        "run", *twice[:2], "--adapter", f"numpy@{sys.executable}".replace("bin/", "bin/../bin/"), cwd=tmp_path
    )

    assert result.returncode == 2
    assert "is judged already; name each version once" in result.stderr


def test_an_environment_without_the_framework_is_missing(tmp_path: Path) -> None:
    """As it is in the engine's own."""
    bare = tmp_path / "bare"
    environments.venv.create(bare, with_pip=False)
    result = conformance("run", "--adapter", f"numpy@{bare / 'bin' / 'python'}", "--out", "out", cwd=tmp_path)

    assert result.returncode == 2
    assert "No module named 'numpy'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("cache")
def test_an_environment_is_made_once_listed_and_removed(tmp_path: Path, adapter: Path) -> None:
    """Of a wheel that lies in a folder: nothing is fetched."""
    wheel(tmp_path)
    (adapter / "adapter.toml").write_text(
        f'framework = ["{TINY}"]\nversions = ">=1"\ncommand = ["{sys.executable}", "{{folder}}/worker.py"]\n'
    )
    environments_of(tmp_path, adapter)
    (made,) = environments.kept()
    before = (made.folder / "made.json").stat().st_mtime_ns
    environments_of(tmp_path, adapter)

    assert made.requirements == (f"{TINY}==1.5,>=1",)
    assert (made.folder / "made.json").stat().st_mtime_ns == before
    assert list((made.folder / "lib").glob(f"python*/site-packages/{TINY}.py"))
    listed = conformance("environments")
    assert f"{TINY}==1.5,>=1" in listed.stdout
    assert conformance("environments", "--remove", "nothing").returncode == 2
    assert conformance("environments", "--remove", made.folder.name[:8]).returncode == 0
    assert list(environments.kept()) == []


def test_an_environment_that_cannot_be_made_says_which_and_leaves_nothing(
    cache: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip's own line."""
    (adapter / "adapter.toml").write_text(f'framework = ["{TINY}"]\nversions = ">=1"\n')
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(UsageError, match=rf"no environment with {TINY}==7,>=1: ERROR: .*{TINY}==7"):
        environments.locate(f"{adapter}==7")
    assert list(environments.kept()) == []
    assert not list(cache.rglob("pyvenv.cfg"))


def environments_of(folder: Path, adapter: Path) -> environments.Place:
    """The place of version 1.5, from the wheels in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))
        return environments.locate(f"{adapter}==1.5")


def wheel(folder: Path) -> None:
    """A distribution of one module."""
    import zipfile

    with zipfile.ZipFile(folder / f"{TINY}-1.5-py3-none-any.whl", "w") as file:
        file.writestr(f"{TINY}.py", "")
        file.writestr(f"{TINY}-1.5.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {TINY}\nVersion: 1.5\n")
        file.writestr(
            f"{TINY}-1.5.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        names = (f"{TINY}.py", f"{TINY}-1.5.dist-info/METADATA", f"{TINY}-1.5.dist-info/WHEEL")
        file.writestr(
            f"{TINY}-1.5.dist-info/RECORD",
            "".join(f"{each},,\n" for each in names) + f"{TINY}-1.5.dist-info/RECORD,,\n",
        )


def test_made_json_is_what_it_was_made_of(cache: Path) -> None:
    """A folder without it is none of ours."""
    folder = cache / "sigmoid-xent-conformance" / "environments" / "x"
    folder.mkdir(parents=True)
    assert list(environments.kept()) == []
    (folder / "made.json").write_text(json.dumps(["a==1"]))
    assert [each.requirements for each in environments.kept()] == [("a==1",)]

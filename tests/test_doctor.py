"""The verb ``doctor``: versions here and in files, looked up in ledgers."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.records import ledger, record
from conformance.storage import content
from tests.command import ROOT, conformance

FOUND = "weighted_cross_entropy_with_logits: the gradient at logit 0 is off by 1/2"


def words(*arguments: str) -> str:
    """What it says, on one line."""
    result = conformance("doctor", *arguments)
    assert result.returncode == 0, result.stderr
    return " ".join(result.stdout.split())


def test_what_is_installed_is_looked_up() -> None:
    """NumPy's list is of compositions and controls, which are nobody's fault; TensorFlow's worst comes first."""
    said = words("--adapter", "tensorflow", "--adapter", "numpy")

    assert said.startswith("tensorflow-cpu ")
    assert FOUND in said
    assert said.index("silent and large") < said.index("the run dies") < said.index("silent and small")
    assert "composition" not in said
    assert "nothing is listed" in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "# ours\nTensorFlow_cpu == 2.21.0 --hash=sha256:00  # pinned\n-r other.txt\nrich>=13\n"),
        ("uv.lock", '[[package]]\nname = "tensorflow-cpu"\nversion = "2.21.0"\n'),
        ("pylock.toml", '[[packages]]\nname = "tensorflow_cpu"\nversion = "2.21.0"\n'),
    ],
)
def test_a_file_pins_a_version(tmp_path: Path, name: str, text: str) -> None:
    """Requirements, and locks, however the name is spelled."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    said = words(str(tmp_path / name))

    assert said.startswith("tensorflow-cpu 2.21.0: ")
    assert FOUND in said


@pytest.mark.parametrize(("line", "told"), [
    ("torch==2.7.0", "torch 2.7.0: not judged; 2.3.1 is, and there"),
    ("torch==1.13.1", "torch 1.13.1: not judged; 2.2.2 is, and there"),
    ("torch>=2.3,<3", "torch <3,>=2.3: not judged; 2.13.0 is, and there"),
    ("torch", "torch in any version: not judged; 2.13.0 is, and there"),
])  # fmt: skip
def test_a_version_that_was_not_judged_is_said_to_be_so(tmp_path: Path, line: str, told: str) -> None:
    """The nearest judged one stands for it."""
    (tmp_path / "requirements.txt").write_text(line, encoding="utf-8")
    assert told in words(str(tmp_path / "requirements.txt"))


def test_a_deviation_is_told_of_the_versions_that_have_it(tmp_path: Path) -> None:
    """Of the framework, and of what stands beside it; a version that is not told counts as the newest."""
    file, told = tmp_path / "requirements.txt", "the gradient of confident right answers is NaN"
    for lines, has in (
        ("jax==0.6.2\noptax==0.2.5", True), ("jax==0.6.2\noptax==0.2.6", False), ("jax==0.6.2", False),
    ):  # fmt: skip
        file.write_text(lines, encoding="utf-8")
        assert (told in words(str(file), "--adapter", "jax")) == has, lines
    file.write_text("numpyro==0.21.0", encoding="utf-8")
    assert "three of the four infinite logits" in words(str(file))
    assert "a NaN logit costs 0" not in words(str(file))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("requirements.txt", "torch=2.8", "line 1: 'torch=2.8' is no requirement; write NAME==VERSION"),
        ("uv.lock", "package = 3", "packages: they are no tables"),
        ("uv.lock", "package = ", "the file: it is not TOML"),
        ("requirements.txt", "rich", "no framework that the suite knows is in"),
    ],
)
def test_a_file_that_says_nothing_is_refused_in_one_line(tmp_path: Path, name: str, text: str, told: str) -> None:
    """Exit code 2."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    result = conformance("doctor", str(tmp_path / name))

    assert result.returncode == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_entry_is_called_a_compositions_where_no_function_has_it() -> None:
    """By the published runs: an entry that some public function has is not called so, and the others are."""
    roles: dict[tuple[str, str], str] = {}
    found: dict[tuple[str, str], set[str]] = {}
    for path in sorted((ROOT / "reports" / "cpu").glob("*.jsonl*")):
        for each in record.read(path):
            if each["record"] == "implementation":
                roles[each["adapter"], each["implementation"]] = each.get("role", "function")
            elif each["record"] == "check" and each.get("deviation"):
                who = each["subject"]
                role = roles[who["adapter"], who["implementation"]]
                found.setdefault((who["adapter"], each["deviation"]), set()).add(role)
    assert found
    for name, folder in content.adapter_folders().items():
        for each in ledger.load(folder / ledger.FILE).deviations.values():
            seen = found.get((name, each.id))
            assert seen is None or each.of_functions == ("function" in seen), f"{name}: {each.id}: {seen}"

"""conformance.testing, as it stands in other people's tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from torch.nn import functional as F

from conformance.errors import UsageError
from conformance.testing import assert_conforms, named
from tests.command import environment
from tests.losses import halved, own

CLAUSES = ("V1", "G1", "R1")


def test_a_right_function_says_nothing() -> None:
    """In two dtypes, by three clauses."""
    assert assert_conforms(own, dtypes=("float32", "float16"), clauses=CLAUSES) is None


def test_a_wrong_one_is_an_assertion_error_in_words() -> None:
    """What is wrong, by which clause, with an element."""
    with pytest.raises(AssertionError, match=r"(?s)unexpected checks.*1\. .*must G1.*got .*, exact"):
        assert_conforms(halved, dtypes=("float32",), clauses=CLAUSES)


def test_a_pass_says_that_something_was_judged() -> None:
    """Another dtype than the framework has, and a file that leaves at once."""
    with pytest.raises(AssertionError, match="nothing was judged"):
        assert_conforms(halved, dtypes=("float32",), clauses=("R5",))


def test_what_has_no_name_is_refused_in_a_line() -> None:
    """A closure cannot be imported by a worker; a built-in function and a text have a name."""

    def closure(logits, labels):
        return halved(logits, labels)

    with pytest.raises(UsageError, match="define it at the top of a module"):
        named(closure)
    assert named("pack.age:loss") == "pack.age:loss"
    assert named(F.softplus) == "torch._C._nn:softplus"
    assert named(own) == "tests.losses:own"


def test_it_is_usable_from_somebody_elses_pytest(tmp_path: Path) -> None:
    """In a folder with nothing of this project, the function in the file of the test."""
    (tmp_path / "test_mine.py").write_text(
        "import numpy as np\n"
        "from conformance.testing import assert_conforms\n\n\n"
        "def loss(logits, labels):\n"
        "    x, z = logits.astype('f8'), labels.astype('f8')\n"
        "    return (np.maximum(x, 0) - x * z + np.log1p(np.exp(-np.abs(x)))).astype(logits.dtype)\n\n\n"
        "def test_mine():\n"
        "    assert_conforms(loss, adapter='numpy', dtypes=['float32'], clauses=['V1'])\n",
        encoding="utf-8",
    )
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout

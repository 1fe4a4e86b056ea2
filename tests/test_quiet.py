"""Whose warnings are shown: not a framework's while it is imported or tried, but those of an adapter."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from conformance.remote.loader import load
from conformance.remote.quiet import frameworks_hushed

NOISY = "import warnings\nwarnings.warn('of the framework, by the framework', DeprecationWarning)\n"
ADAPTER = """
import warnings
import noisy_framework
from conformance.adapter import Adapter

warnings.warn("of the adapter", UserWarning)

class ADAPTER(Adapter):
    def __new__(cls):
        return object.__new__(type("Made", (), {}))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter whose framework warns as it is imported."""
    (tmp_path / "noisy_framework.py").write_text(NOISY)
    (tmp_path / "adapter.py").write_text(ADAPTER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "noisy_framework", raising=False)
    monkeypatch.delitem(sys.modules, "_conformance_adapter_noisy", raising=False)
    return tmp_path


def test_a_framework_is_imported_in_silence_and_its_adapter_is_not(folder: Path) -> None:
    """What an adapter warns of is its author's to mend."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        load("noisy", folder)

    assert [str(each.message) for each in heard] == ["of the adapter"]


def test_a_warning_that_is_an_error_stays_one_where_it_is_ours(folder: Path) -> None:
    """And a framework's breaks nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Exception, match="of the adapter"):
            load("noisy", folder)
        with frameworks_hushed():
            exec(compile(NOISY, "framework.py", "exec"), {"__name__": "noisy_framework"})
            with pytest.raises(DeprecationWarning):
                exec(compile(NOISY, "judge.py", "exec"), {"__name__": "conformance.running.judge"})

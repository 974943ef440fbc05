"""What kubelets change of the machine is put back to what it was before the first of them, even after a killed run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import sysctls


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with one of the settings; the others are not known to its kernel."""
    folder = tmp_path / "sys"
    (folder / "vm").mkdir(parents=True)
    (folder / "vm" / "overcommit_memory").write_text("0\n")
    return folder


def test_what_was_changed_is_put_back(machine: Path, tmp_path: Path) -> None:
    setting, file = machine / "vm" / "overcommit_memory", tmp_path / "before.json"
    sysctls.note(file, machine)
    setting.write_text("1")
    assert sysctls.put_back(file, machine) == []
    assert setting.read_text() == "0"
    assert not file.exists()


def test_a_note_that_a_killed_run_left_is_not_overwritten(machine: Path, tmp_path: Path) -> None:
    setting, file = machine / "vm" / "overcommit_memory", tmp_path / "before.json"
    sysctls.note(file, machine)
    setting.write_text("1")
    sysctls.note(file, machine)
    sysctls.put_back(file, machine)
    assert setting.read_text() == "0"


def test_what_may_not_be_written_is_told(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "before.json"
    sysctls.note(file, machine)
    (machine / "vm" / "overcommit_memory").write_text("1")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert sysctls.put_back(file, machine) == ["vm/overcommit_memory"]


def test_without_a_note_nothing_is_touched(machine: Path, tmp_path: Path) -> None:
    assert sysctls.put_back(tmp_path / "none.json", machine) == []
    assert (machine / "vm" / "overcommit_memory").read_text() == "0\n"

"""A part of the control plane counts as running from the moment it is started until it has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

import components


def a_process(folder: Path, command: str, state: str) -> Path:
    folder.mkdir()
    (folder / "cmdline").write_text(command)
    (folder / "stat").write_text(f"7 (a (strange) name) {state} 1 7 7 0\n")
    return folder


def test_a_process_is_known_by_its_program(tmp_path: Path) -> None:
    assert components._program(a_process(tmp_path / "7", "/bin/etcd\0--debug\0", "S")) == "/bin/etcd"


def test_one_whose_program_is_being_loaded_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = a_process(tmp_path / "7", "", "R")
    monkeypatch.setattr("components.time.sleep", lambda _: (process / "cmdline").write_text("/bin/etcd\0"))
    assert components._program(process) == "/bin/etcd"


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_dead_one_runs_nothing(tmp_path: Path, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.time.sleep", lambda _: pytest.fail("there is nothing to wait for"))
    assert components._program(a_process(tmp_path / "7", "", state)) == ""


def test_a_kernel_thread_and_one_that_is_gone_run_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.LOADING_SECONDS", 0.0)
    assert components._program(a_process(tmp_path / "7", "", "I")) == ""
    assert components._program(tmp_path / "8") == ""

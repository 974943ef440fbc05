"""The command explains errors in one line, says by its exit status what happened, and runs on a bare Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import control_plane

COMMAND = Path(control_plane.__file__)


def test_it_runs_without_any_installed_package() -> None:
    bare = [sys.executable, "-S", "-E", str(COMMAND), "--help"]
    done = subprocess.run(bare, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "{doctor,build,up,down,list}" in done.stdout


def test_doctor_fails_when_something_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert control_plane.main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert {line.split(":")[0] for line in lines if line.startswith("MISS")} == {"MISS Go", "MISS prometheus"}


def test_an_empty_cache_is_an_error_when_only_the_cache_may_be_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert control_plane.main(["build", "--source", "cache"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_a_bad_name_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert control_plane.main(["up", "--name", "No Label", "--workdir", str(tmp_path)]) == 1
    assert "cluster name 'No Label'" in capsys.readouterr().err


def test_ending_what_is_not_there_is_no_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert control_plane.main(["down", "--name", "none", "--workdir", str(tmp_path)]) == 0
    assert "no cluster none" in capsys.readouterr().err
    assert control_plane.main(["list", "--workdir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""

"""Kueue and JobSet are built of one set of pins, enter a cache folder of their own whole, and are never built twice."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import queueing
from pins import ControlPlaneError, pinned_version
from progress import Progress
from queueing import KUEUE, PROGRAMS, ensure_queueing, lacking, queueing_folder


def a_full_folder() -> Path:
    folder = queueing_folder()
    for program in PROGRAMS:
        for path in (folder / "bin" / program, folder / "manifests" / f"{program}.yaml"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\necho '  -config string' >&2\n")
            path.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_is_pinned_and_every_checksum_kept(program: str) -> None:
    version = pinned_version(KUEUE.folder, f"sigs.k8s.io/{program}")
    assert f"sigs.k8s.io/{program} v{version} h1:" in (KUEUE.folder / "go.sum").read_text()
    assert f'_ "{KUEUE.programs[program]}"' in (KUEUE.folder / "tools.go").read_text()


def test_the_folder_is_named_after_both_versions_and_no_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    named = queueing_folder().name
    assert named.startswith("kueue-0.18.2_jobset-0.12.0_linux-")
    monkeypatch.setenv("HETEROSCHED_KUBERNETES", "1.34")
    assert queueing_folder().name == named


def test_what_is_there_is_used_and_what_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, said = a_full_folder(), io.StringIO()
    assert ensure_queueing(Progress(said)) == folder
    assert said.getvalue() == ""
    (folder / "bin" / "kueue").unlink()
    (folder / "manifests" / "jobset.yaml").unlink()
    assert lacking(folder) == ["kueue", "jobset.yaml"]
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(ControlPlaneError, match="Go is not installed"):
        ensure_queueing(Progress(said))


def test_a_program_that_does_not_answer_never_enters_the_cache(tmp_path: Path) -> None:
    for program in PROGRAMS:
        (tmp_path / program).write_text("#!/bin/sh\necho broken >&2\n")
        (tmp_path / program).chmod(0o755)
    with pytest.raises(ControlPlaneError, match="jobset does not run: 'broken"):
        queueing._enter(KUEUE, tmp_path, tmp_path / "cache")
    assert list((tmp_path / "cache" / "bin").iterdir()) == []

"""Each minor of Kubernetes has pins of its own, is asked for by name, and shares everything else with the others."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import binaries
from binaries import HELM, KUBERNETES, KWOK, ControlPlaneError
from pins import MINOR, kubernetes_minors, minor_folder
from progress import Progress

MINORS = kubernetes_minors()


def a_program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture(params=MINORS)
def minor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(MINOR, request.param)
    return str(request.param)


def test_the_oldest_and_the_newest_supported_minor_are_pinned_beside_the_default() -> None:
    assert list(MINORS) == ["1.34", "1.36", "1.37"]
    assert minor_folder("") == MINORS["1.36"]


def test_a_minor_is_built_of_its_own_pins_alone(minor: str) -> None:
    version = KUBERNETES.version()
    assert version.startswith(f"{minor}.")
    assert f"k8s.io/kubernetes v{version} h1:" in (KUBERNETES.folder / "go.sum").read_text()
    tools = (KUBERNETES.folder / "tools.go").read_text()
    assert [package for package in KUBERNETES.programs.values() if f'_ "{package}"' not in tools] == []
    replaced = [line.split() for line in (KUBERNETES.folder / "go.mod").read_text().splitlines() if " => " in line]
    assert len(replaced) > 30
    assert {words[-1] for words in replaced} == {f"v0.{version.split('.', 1)[1]}"}


def test_a_minor_has_a_cache_folder_of_its_own(minor: str) -> None:
    assert binaries.cache_folder({}).name.startswith(f"kubernetes-{KUBERNETES.version()}_etcd-")


def test_a_minor_that_is_not_pinned_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MINOR, "1.33")
    with pytest.raises(ControlPlaneError, match=r"HETEROSCHED_KUBERNETES=1\.33: .* take 1\.34, 1\.36, 1\.37"):
        binaries.cache_folder({})


def test_a_build_takes_over_what_another_minor_has_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for module in binaries.ALL_MODULES:
        for program in module.programs:
            a_program(binaries.cache_folder() / "bin" / program, f"v{module.version()}")
    monkeypatch.setenv(MINOR, "1.34")
    folder = binaries.cache_folder()
    for program in KUBERNETES.programs:
        a_program(folder / "bin" / program, "any")
    said = io.StringIO()
    assert binaries.ensure("build", Progress(said)) == folder / "bin"
    assert said.getvalue() == ""
    assert [program for program in (*KWOK.programs, *HELM.programs) if not (folder / "bin" / program).exists()] == []

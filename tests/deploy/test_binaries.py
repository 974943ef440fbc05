"""The programs come from one set of pins, enter the cache whole and verified or not at all, never twice."""

from __future__ import annotations

import fcntl
import io
import re
import threading
from pathlib import Path

import pytest

import binaries
from binaries import ALL_MODULES, ETCD, HELM, KUBERNETES, KWOK, ControlPlaneError
from progress import Progress

VERSIONS = {"kubernetes": "1.36.3", "etcd": "3.6.16", "kwok": "0.8.0", "helm": "3.22.0"}


def a_program(path: Path, says: str, status: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def a_full_cache(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(root))
    folder = binaries.cache_folder()
    for program in binaries.PROGRAMS:
        a_program(folder / "bin" / program, "any")
    return folder


def silent() -> Progress:
    return Progress(io.StringIO())


@pytest.mark.parametrize("module", ALL_MODULES, ids=lambda module: module.name)
def test_each_module_pins_a_version_and_every_checksum(module: binaries.Module) -> None:
    version = module.version()
    assert version == VERSIONS[module.name]
    sums = (module.folder / "go.sum").read_text()
    assert f"{module.path} v{version} h1:" in sums


@pytest.mark.parametrize("module", ALL_MODULES, ids=lambda module: module.name)
def test_each_program_is_named_by_the_module_that_keeps_its_checksums(module: binaries.Module) -> None:
    tools = (module.folder / "tools.go").read_text()
    assert [package for package in module.programs.values() if f'_ "{package}"' not in tools] == []


def test_every_staging_module_of_kubernetes_is_replaced_by_the_release_of_the_same_minor() -> None:
    replaced = [line.split() for line in (KUBERNETES.folder / "go.mod").read_text().splitlines() if " => " in line]
    assert len(replaced) == 33
    assert {words[-1] for words in replaced} == {f"v0.{KUBERNETES.version().split('.', 1)[1]}"}
    assert all(words[0] == words[2] for words in replaced)


def test_a_module_without_its_pin_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "MODULES", tmp_path)
    (tmp_path / "etcd").mkdir()
    (tmp_path / "etcd" / "go.mod").write_text("module x\n\ngo 1.26.0\n")
    with pytest.raises(ControlPlaneError, match=r"etcd/go\.mod: no line `require go\.etcd\.io/etcd/server/v3 v"):
        ETCD.version()


def test_cache_key_tells_versions_and_platforms_apart() -> None:
    key = binaries.cache_key(VERSIONS, "linux", "amd64")
    assert key == "kubernetes-1.36.3_etcd-3.6.16_kwok-0.8.0_linux-amd64"
    others = [binaries.cache_key({**VERSIONS, name: "9.9.9"}, "linux", "amd64") for name in VERSIONS]
    assert len({key, *others, binaries.cache_key(VERSIONS, "linux", "arm64")}) == 6


def test_cache_lies_where_the_environment_says(tmp_path: Path) -> None:
    folder = binaries.cache_folder({"XDG_CACHE_HOME": str(tmp_path)})
    assert folder.parent == tmp_path / "heterosched" / "control-plane"
    assert binaries.cache_folder({}).is_relative_to(Path.home() / ".cache")


@pytest.mark.parametrize(("machine", "name"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64")])
def test_platform_in_go_words(machine: str, name: str) -> None:
    assert binaries.go_platform("Linux", machine) == ("linux", name)


def test_kubernetes_is_stamped_with_its_version() -> None:
    flags = binaries.link_flags(KUBERNETES)
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in flags
    assert "-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" in flags


def test_helm_assumes_the_kubernetes_of_its_own_client() -> None:
    client = re.search(r"k8s\.io/client-go v0\.(\d+)\.", (HELM.folder / "go.mod").read_text())
    assert client is not None
    flags = binaries.link_flags(HELM)
    assert f"-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor={client[1]}" in flags
    assert "-X helm.sh/helm/v3/internal/version.version=v3.22.0" in flags


def test_build_refuses_to_change_the_pins_and_writes_into_the_given_folder(tmp_path: Path) -> None:
    single, several = binaries.build_command(ETCD, tmp_path), binaries.build_command(KWOK, tmp_path)
    assert "-mod=readonly" in single
    assert single[single.index("-o") + 1] == str(tmp_path / "etcd")
    assert several[several.index("-o") + 1] == f"{tmp_path}/"
    assert several[-2:] == ["sigs.k8s.io/kwok/cmd/kwok", "sigs.k8s.io/kwok/cmd/kwokctl"]


def test_missing_names_what_is_absent_or_cannot_be_run(tmp_path: Path) -> None:
    a_program(tmp_path / "bin" / "etcd", "3.6.16")
    (tmp_path / "bin" / "kubectl").write_text("not executable")
    assert binaries.missing(tmp_path, ["etcd", "kubectl", "kwok"]) == ["kubectl", "kwok"]


@pytest.mark.parametrize("says", ["etcd Version: 3.6.16", "etcd version v3.6.16 (linux/amd64)"])
def test_verify_accepts_the_version_in_either_form(tmp_path: Path, says: str) -> None:
    program = a_program(tmp_path / "etcd", says)
    binaries.verify(program, "3.6.16")
    with pytest.raises(ControlPlaneError, match=r"etcd: expected version 3\.6\.1, it reports"):
        binaries.verify(program, "3.6.1")


def test_verify_refuses_what_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match="etcd does not run"):
        binaries.verify(a_program(tmp_path / "etcd", "3.6.16", status=2), "3.6.16")


def test_a_program_of_another_version_never_enters_the_cache(tmp_path: Path) -> None:
    a_program(tmp_path / "new" / "etcd", "etcd Version: 1.0.0")
    with pytest.raises(ControlPlaneError, match="expected version"):
        binaries.admit(ETCD, tmp_path / "new", tmp_path / "cache")
    assert binaries.missing(tmp_path / "cache", ["etcd"]) == ["etcd"]


def test_admitted_programs_can_be_run(tmp_path: Path) -> None:
    a_program(tmp_path / "new" / "etcd", "etcd Version: 3.6.16").chmod(0o644)
    binaries.admit(ETCD, tmp_path / "new", tmp_path / "cache")
    assert binaries.missing(tmp_path / "cache", ["etcd"]) == []
    assert list((tmp_path / "new").iterdir()) == []


def test_a_full_cache_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_full_cache(tmp_path, monkeypatch)
    said = io.StringIO()
    assert binaries.ensure("build", Progress(said)) == folder / "bin"
    assert said.getvalue() == ""


def test_source_cache_never_fills_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_full_cache(tmp_path, monkeypatch)
    (folder / "bin" / "kwok").unlink()
    with pytest.raises(ControlPlaneError, match=r"lacks kwok; run `control_plane\.py build`"):
        binaries.ensure("cache", silent())


def test_a_second_run_waits_for_the_first_and_takes_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_full_cache(tmp_path, monkeypatch)
    (folder / "bin" / "kwok").unlink()
    said = io.StringIO()
    found: list[Path] = []
    with (folder / ".lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = threading.Thread(target=lambda: found.append(binaries.ensure("build", Progress(said))))
        second.start()
        while "another run" not in said.getvalue():
            second.join(0.01)
        assert found == []
        a_program(folder / "bin" / "kwok", "any")
    second.join(10)
    assert found == [folder / "bin"]
    assert "building" not in said.getvalue()


def test_without_go_a_build_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_full_cache(tmp_path, monkeypatch)
    (folder / "bin" / "etcd").unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(ControlPlaneError, match="Go is not installed"):
        binaries.ensure("build", silent())
    assert [path.name for path in folder.glob("partial-*")] == []


def test_a_failed_build_shows_the_compilers_words_and_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_full_cache(tmp_path, monkeypatch)
    (folder / "bin" / "etcd").unlink()
    (folder / "partial-of-a-killed-run").mkdir()
    a_program(tmp_path / "path" / "go", "undefined: Foo", status=1)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    with pytest.raises(ControlPlaneError, match=r"go build of etcd failed .*\n  undefined: Foo"):
        binaries.ensure("build", silent())
    assert [path.name for path in folder.glob("partial-*")] == []
    assert binaries.missing(folder) == ["etcd"]


def test_a_build_is_continued_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_full_cache(tmp_path, monkeypatch)
    (folder / "bin" / "etcd").unlink()
    compiler = a_program(tmp_path / "path" / "go", "")
    compiler.write_text(
        '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nprintf \'#!/bin/sh\\necho etcd Version: 3.6.16\\n\' > "$2"\n'
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    said = io.StringIO()
    assert binaries.ensure("build", Progress(said)) == folder / "bin"
    assert "building etcd 3.6.16 from pinned Go modules" in said.getvalue()
    assert "kubernetes" not in said.getvalue().replace(str(folder), "")

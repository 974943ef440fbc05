"""A release is made of one version and a clean tree, and its archives are the same whenever they hold the same."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

import release
import version
from archives import pack_image, repack, settled
from engine import Unavailable
from recipes import ROOT, VERSION

CONFIG = {
    "architecture": "amd64",
    "container": "0a1b",
    "container_config": {"Hostname": "0a1b"},
    "created": "2026-01-01T00:00:00.5Z",
    "config": {"User": "65532:65532", "Hostname": "0a1b", "Image": "sha256:1", "Cmd": None, "Entrypoint": ["x"]},
    "history": [{"created": "2026-01-01T00:00:00.5Z", "created_by": "ADD own.tar"}],
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": ["sha256:d"]},
}


def test_every_file_names_the_version_that_stands_in_version() -> None:
    assert version.disagreements() == []
    assert version.stated() == VERSION
    named = {str(mention.file) for mention in version.mentions()}
    assert {"core/src/heterosched/__init__.py", "lab/pyproject.toml", "helm/heterosched/Chart.yaml"} <= named


def tree(root: Path) -> Path:
    """The files of the checkout that name the version, alone."""
    for name in {str(mention.file) for mention in version.mentions()} | {"VERSION", "CHANGELOG.md"}:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    return root


def test_a_new_version_reaches_every_place(tmp_path: Path) -> None:
    root = tree(tmp_path)
    before = version.mentions(root)
    (root / "VERSION").write_text("1.2.3-rc.1\n")
    assert version.rewrite("1.2.3-rc.1", root)
    assert [mention.said for mention in version.mentions(root)] == ["1.2.3-rc.1"] * len(before)
    assert len(version.disagreements(root)) == 1  # the CHANGELOG is written by people
    (root / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [1.2.3-rc.1] - 2030-01-31\n\n## [0.1.0] - 2026-11-21\n")
    assert version.disagreements(root) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("helm/heterosched/Chart.yaml", "appVersion: ", "appVersion: 9.9.9 #", "Chart.yaml:[0-9]+: 9.9.9"),
        ("cli/pyproject.toml", '"heterosched==', '"heterosched==9.9.9", "x==', "cli/pyproject.toml:[0-9]+: 9.9.9, not"),
        ("CHANGELOG.md", f"## [{VERSION}] - ", "## [9.9.9] - ", r"CHANGELOG.md: its newest section is \[9.9.9\]"),
        ("CHANGELOG.md", f"## [{VERSION}] - ", "## soon ", "CHANGELOG.md: it has no section of a version"),
        ("VERSION", VERSION, "one", "VERSION: 'one' is not a version"),
    ],
)  # fmt: skip
def test_what_disagrees_is_named_with_its_place(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    root = tree(tmp_path)
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new, 1))
    assert re.search(said, "\n".join(version.disagreements(root)))
    with pytest.raises(release.Refused, match="the version differs"):
        release.check(allow_dirty=True, root=root)


def test_a_dirty_tree_is_refused_unless_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "git", lambda *arguments: " M core/pyproject.toml\n?? new.py")
    with pytest.raises(release.Refused, match=r"(?s)--allow-dirty.*core/pyproject.toml.*new.py"):
        release.check(allow_dirty=False)
    release.check(allow_dirty=True)
    monkeypatch.setattr(release, "git", lambda *arguments: "")
    release.check(allow_dirty=False)


def test_without_an_engine_a_release_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "helm").touch()
    monkeypatch.setattr(release, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(release, "find_engine", lambda *_, **__: Unavailable("no container engine"))
    with pytest.raises(release.Refused, match="no container engine; --no-images"):
        release.release(allow_dirty=True, with_images=True, dist=tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


@pytest.mark.slow
def test_packages_carry_the_licence_and_are_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setattr("sources.members", lambda: ("extender",))
    digests = []
    for name in ("first", "second"):
        release.packages(tmp_path / name)
        files = sorted((tmp_path / name).iterdir())
        digests.append([(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files])
    base = f"heterosched_extender-{VERSION}"
    assert [name for name, _ in digests[0]] == [f"{base}-py3-none-any.whl", f"{base}.tar.gz"]
    assert digests[0] == digests[1]
    with tarfile.open(tmp_path / "first" / f"{base}.tar.gz") as archive:
        assert f"{base}/LICENSE" in archive.getnames()


def test_checksums_are_what_sha256sum_reads(tmp_path: Path) -> None:
    (tmp_path / "b.whl").write_text("b")
    (tmp_path / "a.tgz").write_text("a")
    assert release.checksums(tmp_path) == 2
    assert release.checksums(tmp_path) == 2  # not of itself
    checked = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert checked.stdout == "a.tgz: OK\nb.whl: OK\n"


def chart_archive(path: Path, names: list[str], mtime: int) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(f"heterosched/{name}")
            entry.size, entry.mtime = len(name), mtime
            archive.addfile(entry, io.BytesIO(name.encode()))
    return path


def test_a_chart_archive_does_not_depend_on_when_it_was_made(tmp_path: Path) -> None:
    first = chart_archive(tmp_path / "1.tgz", ["Chart.yaml", "values.yaml"], 1)
    second = chart_archive(tmp_path / "2.tgz", ["values.yaml", "Chart.yaml"], 2)
    for path in (first, second):
        repack(path, path.with_suffix(".out"), 1_700_000_000)
    assert first.with_suffix(".out").read_bytes() == second.with_suffix(".out").read_bytes()
    with tarfile.open(first.with_suffix(".out")) as archive:
        assert archive.getnames() == ["heterosched/Chart.yaml", "heterosched/values.yaml"]


def test_settings_of_an_image_keep_what_counts_and_lose_what_differs() -> None:
    found = json.loads(settled(json.dumps(CONFIG).encode(), 1_700_000_000))
    assert found["config"] == {"User": "65532:65532", "Entrypoint": ["x"]}
    assert found["created"] == "2023-11-14T22:13:20Z"
    assert found["history"] == [{"created": "2023-11-14T22:13:20Z", "created_by": "ADD own.tar"}]
    assert found["rootfs"] == CONFIG["rootfs"]
    assert "container" not in found


def saved(path: Path, config: dict[str, Any], names: tuple[str, str]) -> Path:
    """What `docker save` writes, with the configuration and the one layer under `names`."""
    manifest = [{"Config": names[0], "RepoTags": ["heterosched/cli:0.1.0"], "Layers": [names[1]]}]
    contents = {names[0]: json.dumps(config), names[1]: "a layer", "manifest.json": json.dumps(manifest)}
    with tarfile.open(path, "w") as archive:
        for name, text in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_an_image_archive_is_the_same_whichever_engine_saved_it(tmp_path: Path) -> None:
    later = {**CONFIG, "created": "2026-02-02T00:00:00Z", "container": "ffff"}
    old = saved(tmp_path / "old.tar", CONFIG, ("0a.json", "1b/layer.tar"))
    new = saved(tmp_path / "new.tar", later, ("blobs/sha256/0a", "blobs/sha256/1b"))
    first = pack_image(old, tmp_path / "old.tar.gz", 1_700_000_000)
    assert pack_image(new, tmp_path / "new.tar.gz", 1_700_000_000) == first
    assert (tmp_path / "old.tar.gz").read_bytes() == (tmp_path / "new.tar.gz").read_bytes()
    with gzip.open(tmp_path / "old.tar.gz") as raw, tarfile.open(fileobj=raw) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        (described,) = json.load(manifest)
        config, layer = archive.extractfile(described["Config"]), archive.extractfile(described["Layers"][0])
        assert config is not None
        assert layer is not None
        assert first == f"sha256:{hashlib.sha256(config.read()).hexdigest()}"
        assert layer.read() == b"a layer"
    assert described["RepoTags"] == ["heterosched/cli:0.1.0"]

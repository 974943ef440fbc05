"""Released programs are fetched whole, from where kwokctl says or a mirror, and a site that fails is named."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import downloads
from downloads import DownloadError
from progress import Progress

VERSIONS = {"kubernetes": "1.36.3", "etcd": "3.6.16", "kwok": "0.8.0", "helm": "3.22.0"}


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: pytest's output is for the tests."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A release site of our own: its address and its folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def silent() -> Progress:
    return Progress(io.StringIO())


def a_kwokctl(folder: Path, urls: list[str]) -> Path:
    path = folder / "kwokctl"
    path.write_text("#!/bin/sh\necho asked for $KWOK_KUBE_VERSION >&2\n" + "".join(f"echo '{url}'\n" for url in urls))
    path.chmod(0o755)
    return path


def test_kwok_comes_from_its_own_releases_or_the_mirror_set_for_it(tmp_path: Path) -> None:
    released = downloads.address("kwokctl", VERSIONS, "linux", "arm64", tmp_path / "none", {})
    mirrored = downloads.address(
        "kwok", VERSIONS, "linux", "amd64", tmp_path / "none", {"KWOK_BINARY_PREFIX": "http://mirror"}
    )
    assert released.endswith("/kwok/releases/download/v0.8.0/kwokctl-linux-arm64")
    assert mirrored == "http://mirror/v0.8.0/kwok-linux-amd64"


def test_helm_comes_from_its_own_releases_or_the_mirror_set_for_it(tmp_path: Path) -> None:
    released = downloads.address("helm", VERSIONS, "linux", "arm64", tmp_path / "none", {})
    mirrored = downloads.address(
        "helm", VERSIONS, "linux", "amd64", tmp_path / "none", {"HELM_BINARY_PREFIX": "http://mirror"}
    )
    assert released == "https://get.helm.sh/helm-v3.22.0-linux-arm64.tar.gz#helm"
    assert mirrored == "http://mirror/helm-v3.22.0-linux-amd64.tar.gz#helm"


def test_the_others_come_from_where_kwokctl_says(tmp_path: Path) -> None:
    urls = ["http://site/bin/kube-apiserver", "http://site/etcd-v3.6.16.tar.gz#etcd"]
    kwokctl = a_kwokctl(tmp_path, urls)
    assert downloads.address("kube-apiserver", VERSIONS, "linux", "amd64", kwokctl) == urls[0]
    assert downloads.address("etcd", VERSIONS, "linux", "amd64", kwokctl) == urls[1]
    with pytest.raises(DownloadError, match=r"kwokctl names no release of kubectl: asked for 1\.36\.3"):
        downloads.address("kubectl", VERSIONS, "linux", "amd64", kwokctl)


def test_a_plain_program_arrives_whole(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    (folder / "kwok").write_bytes(b"x" * 3_000_000)
    downloads.fetch(f"{url}/kwok", tmp_path / "kwok", silent())
    assert (tmp_path / "kwok").read_bytes() == b"x" * 3_000_000


def test_of_an_archive_the_member_arrives(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    with tarfile.open(folder / "etcd.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("etcd-v3.6.16/etcd")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"etcd"))
    downloads.fetch(f"{url}/etcd.tar.gz#etcd", tmp_path / "etcd", silent())
    assert (tmp_path / "etcd").read_bytes() == b"etcd"
    with pytest.raises(DownloadError, match="holds no etcdctl"):
        downloads.fetch(f"{url}/etcd.tar.gz#etcdctl", tmp_path / "etcdctl", silent())
    assert not (tmp_path / "etcdctl").exists()


def test_a_refusal_names_the_address(site: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=rf"cannot download {site[0]}/nothing: .*404"):
        downloads.fetch(f"{site[0]}/nothing", tmp_path / "nothing", silent())
    assert not (tmp_path / "nothing").exists()


def test_sites_answer_tells_a_release_from_a_refusal_and_from_silence(site: tuple[str, Path]) -> None:
    url, folder = site
    (folder / "kwokctl").write_bytes(b"x")
    assert downloads.sites_answer(f"{url}/kwokctl")
    assert not downloads.sites_answer(f"{url}/nothing")
    assert not downloads.sites_answer("http://127.0.0.1:1/kwokctl", timeout_s=0.5)

"""Fetches released programs where the projects' release sites can be reached.

kwokctl knows where etcd and Kubernetes publish theirs (`kwokctl get artifacts`) and honours the `KWOK_..._PREFIX`
variables that point it at a mirror; only kwok's own address and helm's have to stand here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urldefrag

from progress import Progress

_KWOK_RELEASES = "https://github.com/kubernetes-sigs/kwok/releases/download"
_HELM_RELEASES = "https://get.helm.sh"
_TIMEOUT_S = 30.0


class DownloadError(Exception):
    """A release site did not deliver; the message names the address."""


def sites_answer(url: str, timeout_s: float = 3.0) -> bool:
    """Return whether the release at `url` can be had from here: one HEAD request, no download."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=timeout_s):
            return True
    except (OSError, ValueError):
        return False


def address(
    program: str,
    versions: Mapping[str, str],
    goos: str,
    goarch: str,
    kwokctl: Path,
    environment: Mapping[str, str] = os.environ,
) -> str:
    """Return the address of a program's release; `#name` at its end names a member of an archive.

    Raises DownloadError if kwokctl does not know the program.
    """
    if program in ("kwok", "kwokctl"):
        site = environment.get("KWOK_BINARY_PREFIX", _KWOK_RELEASES)
        return f"{site}/v{versions['kwok']}/{program}-{goos}-{goarch}"
    if program == "helm":
        site = environment.get("HELM_BINARY_PREFIX", _HELM_RELEASES)
        return f"{site}/helm-v{versions['helm']}-{goos}-{goarch}.tar.gz#helm"
    pins = {"KWOK_KUBE_VERSION": versions["kubernetes"], "KWOK_ETCD_VERSION": versions["etcd"]}
    listed = subprocess.run(
        [str(kwokctl), "get", "artifacts", "--runtime", "binary", "--filter", "binary"],
        env={**environment, **pins},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    for url in listed.stdout.split():
        if url.endswith((f"/{program}", f"#{program}")):
            return url
    raise DownloadError(f"kwokctl names no release of {program}: {listed.stderr.strip()}")


def fetch(url: str, target: Path, progress: Progress) -> None:
    """Download `url` into the file `target`; of an archive (`archive.tar.gz#member`) the member alone.

    Raises DownloadError if the site refuses, breaks off or delivers an archive without that member.
    """
    plain, member = urldefrag(url)
    arriving = target.with_name(f"{target.name}.arriving")
    try:
        with urllib.request.urlopen(plain, timeout=_TIMEOUT_S) as answer, arriving.open("wb") as file:
            length = answer.headers.get("Content-Length")
            total = None if length is None else float(length)
            while chunk := answer.read(1 << 20):
                file.write(chunk)
                progress.fraction(f"downloading {target.name}", file.tell(), total)
            if total is not None and file.tell() != total:
                raise DownloadError(f"{plain} broke off after {file.tell()} of {total:.0f} bytes")
        if member:
            _extract(arriving, member, target)
            arriving.unlink()
        else:
            arriving.replace(target)
    except (OSError, ValueError, tarfile.TarError) as error:
        raise DownloadError(f"cannot download {plain}: {error}") from error
    progress.say(f"  downloaded {target.name} from {plain}")


def _extract(archive: Path, member: str, target: Path) -> None:
    with tarfile.open(archive) as opened:
        for entry in opened:
            if entry.isfile() and Path(entry.name).name == member:
                content = opened.extractfile(entry)
                assert content is not None  # it is a file
                with content, target.open("wb") as file:
                    shutil.copyfileobj(content, file)
                return
    raise DownloadError(f"{archive.name} holds no {member}")

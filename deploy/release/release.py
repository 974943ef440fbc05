#!/usr/bin/env python3
"""`make release`: everything that is published of a version, into dist/, with checksums.

Wheels and source archives, the chart, the images as archives with their bills of material, SHA256SUMS. Refused when the
version does not stand the same everywhere, or when files differ from the commit (--allow-dirty: for a trial).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import images
import sources
import version
from archives import file_digest, pack_image, repack
from binaries import ControlPlaneError, cache_folder
from docker_cli import Docker
from engine import Engine, Unavailable, find_engine
from recipes import IMAGES, OUTPUT, ROOT, VERSION, ImageError, epoch, git

DIST = ROOT / "dist"


class Refused(Exception):
    """There is nothing that could be released; the message says why and what to do."""


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"release: {text}", file=sys.stderr, flush=True)


def check(allow_dirty: bool, root: Path = ROOT) -> None:
    """Raise Refused where the tree is not what a release may be made of."""
    found = version.disagreements(root)
    if found:
        raise Refused("the version differs:\n  " + "\n  ".join(found))
    changed = git("status", "--porcelain")
    if changed and not allow_dirty:
        shown = "\n  ".join(changed.splitlines()[:10])
        raise Refused(f"files differ from the commit; commit them, or use --allow-dirty for a trial:\n  {shown}")


def packages(dist: Path, source: Path = ROOT) -> None:
    """Build the wheel and the source archive of every member, from a copy of the sources."""
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    options = ["--quiet", "--no-build-isolation", "--no-create-gitignore", "--python", sys.executable]
    with tempfile.TemporaryDirectory() as work:
        sources.copy(source, Path(work) / "source")
        for member in sources.members():
            uv = str(Path(sys.executable).with_name("uv"))
            command = [uv, "build", *options, "--out-dir", str(dist), str(Path(work) / "source" / member)]
            done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Refused(f"building {member} failed:\n{done.stderr.strip()}")


def chart(dist: Path, helm: Path) -> None:
    """Package the chart with the version, the same byte for byte each time."""
    with tempfile.TemporaryDirectory() as work:
        command = [str(helm), "package", str(ROOT / "helm" / "heterosched"), "--destination", work]
        command += ["--version", VERSION, "--app-version", VERSION]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Refused(f"packaging the chart failed:\n{done.stderr.strip()}")
        name = f"heterosched-{VERSION}.tgz"
        repack(Path(work) / name, dist / name, epoch())


def pack(engine: Engine, dist: Path) -> None:
    """Build and check the images, and write them and their bills of material."""
    try:
        report = images.run(engine, IMAGES, None, once=False)
        images.write_report(report)
        docker = Docker(engine.environment(os.environ))
        for image in IMAGES:
            name = f"heterosched-{image.name}-{VERSION}"
            say(f"{image.tag} as an archive")
            with tempfile.TemporaryDirectory(dir=OUTPUT) as work:
                saved = Path(work) / "saved.tar"
                docker.run("save", "--output", str(saved), image.tag, timeout=1800)
                number = pack_image(saved, dist / f"{name}-{report['arch']}.tar.gz", report["source_date_epoch"])
            say(f"{image.tag} loads as {number}")
            shutil.copyfile(OUTPUT / f"{image.name}.cdx.json", dist / f"{name}-{report['arch']}.cdx.json")
    except ImageError as error:
        raise Refused(str(error)) from error
    differ = images.not_reproducible(report)
    if differ:
        raise Refused(f"not reproducible: {', '.join(differ)}")


def checksums(dist: Path) -> int:
    """Write SHA256SUMS of all that lies in `dist`, as `sha256sum --check` reads it; return how many files that are."""
    files = sorted(path for path in dist.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{file_digest(path)}  {path.name}\n" for path in files]
    (dist / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    return len(files)


def release(allow_dirty: bool, with_images: bool, dist: Path = DIST) -> int:
    """Fill `dist`, which is emptied first; return how many files it holds. Raises Refused, ControlPlaneError."""
    check(allow_dirty)
    helm = cache_folder() / "bin" / "helm"
    if not helm.is_file():
        raise Refused(f"there is no {helm}: run `make control-plane`")
    if with_images and isinstance(none := find_engine(os.environ, start=False), Unavailable):
        raise Refused(f"{none.reason}; --no-images makes a release without them")
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    say(f"{VERSION}: wheels and source archives")
    packages(dist)
    say("chart")
    chart(dist, helm)
    if with_images:
        found = find_engine(os.environ, say=say)
        if isinstance(found, Unavailable):
            raise Refused(found.reason)
        with found as engine:
            pack(engine, dist)
    else:
        say("NO IMAGES in this release (--no-images)")
    return checksums(dist)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a release; 1 where it is refused."""
    parser = argparse.ArgumentParser(prog="release.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--allow-dirty", action="store_true", help="although files differ from the commit: a trial")
    parser.add_argument("--no-images", action="store_true", help="leave out the images")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        count = release(options.allow_dirty, not options.no_images)
    except (Refused, ControlPlaneError) as error:
        say(f"refused: {error}")
        return 1
    say(f"{count} files in {DIST} after {time.monotonic() - began:.0f} s")
    say("to check them: cd dist && sha256sum --check SHA256SUMS")
    return 0


if __name__ == "__main__":
    sys.exit(main())

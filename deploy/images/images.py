#!/usr/bin/env python3
"""`make images`: builds the container images with a real engine, runs each, and builds all of them a second time.

    python deploy/images/images.py                      # all, checked, report in build/images/report.json
    python deploy/images/images.py --only cli --once    # one of them, without the second build
    python deploy/images/images.py --arch arm64         # for another architecture: built, not run

BASE_IMAGE, DOCKER_HOST, SOURCE_DATE_EPOCH and IMAGE_SOURCE (where the sources are published) are read from the
environment.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyclonedx.model.component import Component

import layers
import lock
import sbom
import sources
import store
from checks import check_help, check_life, check_user
from docker_cli import Docker
from engine import Engine, Unavailable, find_engine
from recipes import IMAGES, LOCK, OUTPUT, PLATFORMS, PYTHON, ROOT, VERSION, Image, ImageError, epoch, revision

DOCKERFILE = ROOT / "images" / "Dockerfile"
"""Has a target for each image, of the image's name."""
Report = dict[str, Any]


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"images: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Job:
    """What is built, of what, by whom."""

    images: tuple[Image, ...]
    arch: str
    native: bool
    """Whether the engine can run what is built."""
    docker: Docker
    base: Report
    system: list[Component]
    """What the base image brings."""
    pins: Mapping[str, list[tuple[str, str]]]
    """The packages of others in each image."""
    revision: str
    epoch: int
    """The time of our own files, in seconds since 1970; a commit made meanwhile does not change it."""


def prepare(engine: Engine, images: tuple[Image, ...], arch: str | None) -> Job:
    """Find out all that the builds share. Raises ImageError."""
    docker = Docker(engine.environment(os.environ))
    own_arch = docker.architecture()
    arch = arch or own_arch
    if arch not in PLATFORMS:
        raise ImageError(f"architecture {arch}: images are made for {', '.join(PLATFORMS)}")
    store.interpreter(PYTHON)
    say(f"{', '.join(image.tag for image in images)} for {arch}, on {engine.origin}, from {engine.base_image}")
    base = base_of(docker, engine.base_image, arch, arch == own_arch)
    pins = {image.name: lock.names(image, arch, PYTHON) for image in images}
    system = sbom.system(docker, base["name"])
    return Job(images, arch, arch == own_arch, docker, base, system, pins, revision(), epoch())


def base_of(docker: Docker, base: str, arch: str, native: bool) -> Report:
    """Which base image it is; ImageError where it cannot be had or has another Python."""
    if docker.attempt("image", "inspect", base).returncode != 0:
        say(f"pulling {base}")
        docker.run("pull", "--quiet", "--platform", f"linux/{arch}", base, timeout=1800)
    found = docker.inspect(base)
    if found["Architecture"] != arch:
        raise ImageError(f"BASE_IMAGE {base} is here for {found['Architecture']}: `docker image rm` it, or pull {arch}")
    if native:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        python = docker.run("run", "--rm", "--network=none", "--entrypoint=python3", base, "-c", code)
        if python != PYTHON:
            raise ImageError(f"BASE_IMAGE {base} has Python {python}; the images are made for {PYTHON}")
    return {"name": base, "id": found["Id"], "bytes": found["Size"], "digests": found["RepoDigests"]}


def stage(job: Job, source: Path, work: Path) -> store.Store:
    """Make the build contexts of all images below `work`, from the sources in `source`."""
    shutil.rmtree(work, ignore_errors=True)
    sources.copy(source, work / "source")
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(job.epoch)}
    store.build_wheels(work / "source", sources.members(), work / "wheels", environ)
    every = sorted({pin for pins in job.pins.values() for pin in pins})
    own = sorted({package for image in job.images for package in image.packages})
    requirements = lock.chosen(every, lock.blocks(LOCK.read_text(encoding="utf-8")))
    store.install(requirements, own, work / "wheels", work / "store", job.arch, PYTHON)
    store.compile_all(work / "store")
    installed = store.Store(work / "store")
    for image in job.images:
        folder, names = work / "context" / image.name, [name for name, _ in job.pins[image.name]]
        others = layers.library(installed.folder, installed.files(names))
        ours = layers.library(installed.folder, installed.files(image.packages))
        layers.write_layer(folder / "dependencies.tar", others, layers.OF_OTHERS_TIME)
        layers.write_layer(folder / "own.tar", [*ours, *layers.programs(image.scripts)], job.epoch)
    return installed


def labels(job: Job, image: Image, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the image says about itself, by the names of the OCI."""
    found = {
        "title": image.title,
        "version": VERSION,
        "revision": job.revision,
        "licenses": "Apache-2.0",
        "base.name": job.base["name"],
        "source": environ.get("IMAGE_SOURCE", ""),
    }
    return {f"org.opencontainers.image.{name}": value for name, value in found.items() if value}


def build(job: Job, image: Image, context: Path, tag: str) -> Report:
    """Build one image of its context; return what the engine knows of it."""
    options = ["--target", image.name, "--build-arg", f"BASE_IMAGE={job.base['name']}"]
    if not job.native:  # an old engine knows no --platform, and needs none for its own
        options += ["--platform", f"linux/{job.arch}"]
    for name, value in labels(job, image).items():
        options += ["--label", f"{name}={value}"]
    return job.docker.build(context / image.name, DOCKERFILE, tag, options)


def same(first: Report, second: Report) -> bool:
    """Whether two builds came to the same layers, byte for byte, and the same settings.

    `Image` among an old engine's settings is the step before the last: it differs by the time of the build.
    """
    first, second = ({**each, "Config": {**each["Config"], "Image": ""}} for each in (first, second))
    return all(first[part] == second[part] for part in ("RootFS", "Config", "Architecture"))


def make(job: Job, image: Image, installed: store.Store) -> tuple[Report, Report]:
    """Build, describe and try one image; return its part of the report, and what the engine knows of it."""
    began = time.monotonic()
    built = build(job, image, OUTPUT / "work" / "context", image.tag)
    size = built["Size"]
    report = {
        "image": image.tag,
        "id": built["Id"],
        "layers": built["RootFS"]["Layers"],
        "bytes": size,
        "bytes_above_base": size - job.base["bytes"],
        "build_seconds": round(time.monotonic() - began, 1),
    }
    say(f"{image.tag}: built in {report['build_seconds']:.0f} s, {size / 1e6:.0f} MB")
    bill = sbom.bill(image, job.arch, job.epoch, sbom.components(image, job.pins[image.name], installed, job.system))
    sbom.write(OUTPUT / f"{image.name}.cdx.json", bill)
    if job.native:
        check_user(job.docker, image)
        report["help_seconds"] = round(check_help(job.docker, image), 2)
        report |= check_life(job.docker, image)
        health = f"healthy after {report['healthy_seconds']} s, " if "healthy_seconds" in report else ""
        say(f"{image.tag}: runs read-only as 65532, {health}gone {report['stopped_seconds']} s after SIGTERM")
    return report, built


def again(job: Job, first: Mapping[str, Report]) -> dict[str, bool]:
    """Make everything a second time, elsewhere, and compare."""
    say("the second time, to compare")
    work = OUTPUT / "work-again"
    stage(job, OUTPUT / "work" / "source", work)
    found = {}
    for image in job.images:
        tag = f"{image.tag}-again"
        found[image.name] = same(first[image.name], build(job, image, work / "context", tag))
        job.docker.run("image", "rm", tag)
        say(f"{image.tag}: {'the same layers' if found[image.name] else 'DIFFERENT LAYERS'}")
    shutil.rmtree(work)
    return found


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the output folder: two builds at once would take each other's files away."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with (OUTPUT / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another build is at work in {OUTPUT}, waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run(engine: Engine, images: tuple[Image, ...], arch: str | None, once: bool) -> Report:
    """Build and check `images`; return the report. Raises ImageError."""
    with _alone():
        return _run(engine, images, arch, once)


def _run(engine: Engine, images: tuple[Image, ...], arch: str | None, once: bool) -> Report:
    began = time.monotonic()
    job = prepare(engine, images, arch)
    say("wheels, by hash from requirements.txt, and byte code")
    installed = stage(job, ROOT, OUTPUT / "work")
    made = {image.name: make(job, image, installed) for image in images}
    entries = {name: report for name, (report, _) in made.items()}
    if not once:
        for name, equal in again(job, {name: built for name, (_, built) in made.items()}).items():
            entries[name]["reproducible"] = equal
    return {
        "version": VERSION,
        "revision": job.revision,
        "arch": job.arch,
        "engine": engine.origin,
        "base": job.base,
        "source_date_epoch": job.epoch,
        "seconds": round(time.monotonic() - began, 1),
        "images": entries,
    }


def write_report(report: Report) -> Path:
    """Write the report beside the bills of material."""
    path = OUTPUT / "report.json"
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return path


def not_reproducible(report: Report) -> list[str]:
    """The images whose second build differed from the first."""
    return [name for name, entry in report["images"].items() if not entry.get("reproducible", True)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="images.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=[image.name for image in IMAGES], help="this image (repeat)")
    parser.add_argument("--arch", choices=list(PLATFORMS), help="architecture (default: the engine's own)")
    parser.add_argument("--once", action="store_true", help="leave out the second build that is compared")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the images; 1 where that fails or an image does not work, 3 where there is no engine."""
    options = _parser().parse_args(arguments)
    chosen = tuple(image for image in IMAGES if not options.only or image.name in options.only)
    found = find_engine(os.environ, say=say)
    if isinstance(found, Unavailable):
        say(found.reason)
        return 3
    with found as engine:
        try:
            report = run(engine, chosen, options.arch, options.once)
        except ImageError as error:
            say(str(error))
            return 1
    say(f"{len(chosen)} images in {report['seconds']:.0f} s; {write_report(report)}")
    differ = not_reproducible(report)
    if differ:
        say(f"not reproducible: {', '.join(differ)}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())

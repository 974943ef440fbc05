"""Images of what a cluster has besides HeteroSched: Prometheus and exporters, and what the users' pods run.

Nothing is asked of an image registry but the base image. Where an own engine without a network in its builds is used,
the packages are fetched beforehand by this machine's apt, whose Debian is that of the base image.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from binaries import ControlPlaneError
from engine import Engine

HERE = Path(__file__).resolve().parent / "images"
PROGRAMS = {"prometheus": "prometheus", "node-exporter": "prometheus-node-exporter"}
"""Image -> Debian package, whose program has the same name."""
EXPORTER, WORKLOAD = "dcgm-exporter", "workload"


def name_of(image: str) -> str:
    """The name under which deploy/kind/monitoring.yaml knows an image."""
    return f"heterosched/e2e-{image}:local"


def build(engine: Engine, work: Path) -> list[str]:
    """Build all of them, in folders below `work`; returns their names."""
    for image, package in PROGRAMS.items():
        context = work / image
        shutil.rmtree(context, ignore_errors=True)
        shutil.copytree(HERE / "debian-program", context)
        (context / "packages").mkdir()
        if engine.local is not None:
            _fetch(package, context / "packages", work / "packages")
        _docker(
            engine, "build", *_options(engine), f"--build-arg=PACKAGE={package}", f"--tag={name_of(image)}", context
        )
    for image in (EXPORTER, WORKLOAD):
        _docker(engine, "build", *_options(engine), f"--tag={name_of(image)}", HERE / image)
    return [name_of(image) for image in (*PROGRAMS, EXPORTER, WORKLOAD)]


def _options(engine: Engine) -> list[str]:
    offline = [] if engine.local is None else ["--network=none"]
    return ["--quiet", *offline, f"--build-arg=BASE_IMAGE={engine.base_image}"]


def _fetch(package: str, to: Path, cache: Path) -> None:
    """The Debian package as a file, out of `cache` where it was fetched before."""
    cache.mkdir(parents=True, exist_ok=True)
    if not list(cache.glob(f"{package}_*.deb")):
        _run(["apt-get", "download", "--quiet", package], cache)
    for file in cache.glob(f"{package}_*.deb"):
        shutil.copy(file, to)


def _docker(engine: Engine, *arguments: str | Path) -> None:
    _run(["docker", *map(str, arguments)], HERE, engine.environment(os.environ))


def _run(command: list[str], folder: Path, environ: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ControlPlaneError(f"{' '.join(command)}: {done.stderr.strip()}")

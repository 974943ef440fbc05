#!/usr/bin/env python3
"""Finds a container engine, or says why there is none: images and kind tests ask here and nowhere else.

    python3 deploy/engine/engine.py              # which engine, base image and node image, or why none
    python3 deploy/engine/engine.py --start      # have it ready: starts a local one where that is the way
    python3 deploy/engine/engine.py --env        # `export` lines for a shell
    python3 deploy/engine/engine.py --stop       # stop the local daemon that --start left running

Three ways, in this order: the engine that DOCKER_HOST or the docker command reaches; an own daemon by `kind-local`
($HETEROSCHED_TOOLS, else ../shared/tools) for root on Debian, which needs no container registry; none, with the reason.
Runs on the Python of a bare Debian, before any virtual environment exists.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from own_daemon import Failed, Local

ROOT = Path(__file__).resolve().parent.parent.parent
PUBLIC_BASE = "python:3.11-slim-bookworm"
LOCAL_BASE = "local/python:3.11-bookworm"
LOCAL_NODE = "kindest/node:v1.36.3-local"
OS_RELEASE = Path("/etc/os-release")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Unavailable:
    """No engine; `reason` says why and what would give one."""

    reason: str


@dataclass(frozen=True)
class Engine:
    """A docker engine that answers, or that `--start` would bring up. Leaving it as a context closes it."""

    origin: str
    """Where it comes from, for a person to read."""
    base_image: str
    """What our images are built from: a Python that their processes find as `python3`."""
    kind_node_image: str | None
    """The image of kind's nodes; None leaves the choice to kind."""
    kind: str | None
    """The kind program, None where there is none."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables that docker and kind need to reach it, beside those of the caller."""
    local: Local | None = None

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return `environ` with what docker and kind need to reach this engine."""
        return {**environ, **self.settings}

    def close(self) -> None:
        """Stop the daemon if it was started here and nobody else uses it."""
        if self.local is not None:
            self.local.leave()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def tools_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of tools that are shared between checkouts; it need not exist."""
    given = environ.get("HETEROSCHED_TOOLS")
    return Path(given) if given else ROOT.parent / "shared" / "tools"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def docker_answers(environ: Mapping[str, str]) -> bool:
    """Say whether the docker command reaches an engine under these variables."""
    docker = shutil.which("docker", path=environ.get("PATH"))
    if docker is None:
        return False
    command = [docker, "info", "--format", "{{.ServerVersion}}"]
    try:
        done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    # Without a daemon some versions print an empty version and still leave with 0.
    return done.returncode == 0 and bool(done.stdout.strip())


def _is_debian(release: Path) -> bool:
    try:
        lines = release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return "ID=debian" in lines


def _no_local(tool: Path, uid: int, release: Path) -> str:
    """Return why no daemon of our own can be had, empty where it can."""
    if not tool.is_file():
        return f"there is no {tool} (HETEROSCHED_TOOLS names its folder's parent) to start an own one"
    if uid != 0:
        return f"{tool} could start an own one, but needs root"
    if not _is_debian(release):
        return f"{tool} could start an own one, but needs Debian"
    return ""


def _reached(environ: Mapping[str, str], origin: str) -> Engine:
    base, node = environ.get("BASE_IMAGE") or PUBLIC_BASE, environ.get("KIND_NODE_IMAGE") or None
    return Engine(origin, base, node, shutil.which("kind", path=environ.get("PATH")))


def _own(environ: Mapping[str, str], local: Local, with_kind: bool, start: bool, say: Say) -> Engine | Unavailable:
    settings = local.settings()
    if start:
        try:
            local.enter(with_kind, docker_answers, say)
        except Failed as failed:
            return Unavailable(str(failed))
    up = docker_answers({**environ, **settings})
    return Engine(
        f"the daemon of {local.tool} at {settings['DOCKER_HOST']}{'' if up else ' (not running)'}",
        environ.get("BASE_IMAGE") or LOCAL_BASE,
        environ.get("KIND_NODE_IMAGE") or LOCAL_NODE,
        str(local.folder / "bin" / "kind"),
        settings,
        local,
    )


def find_engine(
    environ: Mapping[str, str],
    tools: Path | None = None,
    *,
    with_kind: bool = False,
    start: bool = True,
    say: Say = _tell,
    uid: int | None = None,
    release: Path = OS_RELEASE,
) -> Engine | Unavailable:
    """Return an engine that answers, or why there is none.

    `with_kind` prepares kind and its node image too, which takes a local daemon twelve minutes the first time instead
    of two. Without `start` nothing is started or built: the engine may then still have to be. BASE_IMAGE and
    KIND_NODE_IMAGE in `environ` go before every default.
    """
    if docker_answers(environ):
        host = environ.get("DOCKER_HOST")
        return _reached(environ, f"DOCKER_HOST={host}" if host else "the docker command's own engine")
    if host := environ.get("DOCKER_HOST"):
        return Unavailable(f"DOCKER_HOST={host} does not answer `docker info`: start that engine or unset DOCKER_HOST")
    tool = (tools or tools_folder(environ)) / "kind-local" / "kind-local"
    lacking = _no_local(tool, os.geteuid() if uid is None else uid, release)
    if lacking:
        return Unavailable(
            "no container engine: `docker info` finds none and DOCKER_HOST is not set,"
            f" and {lacking}. Install docker, or set DOCKER_HOST"
        )
    return _own(environ, Local(tool, environ), with_kind, start, say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="engine.py", description=(__doc__ or "").splitlines()[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--start", action="store_true", help="have it ready, and leave it running")
    what.add_argument("--env", action="store_true", help="print `export` lines for a shell")
    what.add_argument("--stop", action="store_true", help="stop the local daemon unless somebody uses it")
    parser.add_argument("--kind", action="store_true", help="with --start: prepare kind and its node image too")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell which engine there is; 1 where there is none."""
    options = _parser().parse_args(arguments)
    found = find_engine(os.environ, with_kind=options.kind, start=options.start)
    if isinstance(found, Unavailable):
        _tell(found.reason)
        return 1
    if options.stop:
        found.close()
    elif options.env:
        chosen = {**found.settings, "BASE_IMAGE": found.base_image, "KIND_NODE_IMAGE": found.kind_node_image or ""}
        for name, value in chosen.items():
            if value:
                print(f"export {name}={shlex.quote(value)}")
    else:
        print(f"engine: {found.origin}\nbase image: {found.base_image}")
        print(f"kind node image: {found.kind_node_image or 'the one that kind chooses'}")
        print(f"kind: {found.kind or 'not installed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

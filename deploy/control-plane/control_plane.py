#!/usr/bin/env python3
"""The control plane's one command: checks what it needs, gets its programs, starts and ends clusters.

    python3 deploy/control-plane/control_plane.py doctor
    python3 deploy/control-plane/control_plane.py build
    python3 deploy/control-plane/control_plane.py up --name demo --keep
    python3 deploy/control-plane/control_plane.py list
    python3 deploy/control-plane/control_plane.py down --name demo

Runs on the Python of a bare Debian, before any virtual environment exists.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from binaries import ControlPlaneError, ensure
from cluster import ControlPlane
from inventory import default_workdir, end_cluster, list_clusters
from requirements import check_all, unmet

_SOURCES = ("auto", "cache", "build", "download")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="control_plane.py", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("doctor", help="check what the control plane needs and say how to get it")
    build = commands.add_parser("build", help="find the programs in the cache, or download or build them into it")
    up = commands.add_parser("up", help="start a cluster; without --keep it ends with Ctrl-C")
    down = commands.add_parser("down", help="end a cluster, whoever started it")
    for command in (build, up):
        command.add_argument("--source", choices=_SOURCES, default="auto", help="where the programs come from")
    for command in (up, down):
        command.add_argument("--name", default="heterosched", help="name of the cluster (default: %(default)s)")
    for command in (up, down, commands.add_parser("list", help="list the clusters of a folder")):
        command.add_argument("--workdir", type=Path, default=default_workdir(), help="folder (default: %(default)s)")
    up.add_argument("--kubeconfig", type=Path, help="where to write the kubeconfig (default: in the cluster's folder)")
    up.add_argument("--prometheus-port", type=int, metavar="PORT", help="start Prometheus too; 0 takes a free port")
    up.add_argument("--keep", action="store_true", help="return and leave the cluster running")
    return parser


def _doctor() -> int:
    found = check_all()
    for requirement in found:
        print(requirement.line())
    return 1 if unmet(found) else 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Treat SIGTERM (a CI job that is cancelled) as Ctrl-C, so that it cleans up as well."""
    raise KeyboardInterrupt


def _up(options: argparse.Namespace) -> int:
    plane = ControlPlane(options.name, options.workdir, kubeconfig=options.kubeconfig, source=options.source)
    with plane:
        print(f"export KUBECONFIG={plane.kubeconfig}")
        if options.prometheus_port is not None:
            print(f"Prometheus: {plane.prometheus(port=options.prometheus_port).url}")
        print(f"kubectl: {plane.bin('kubectl')}")
        ending = f"{sys.executable} {Path(__file__)} down --name {options.name} --workdir {options.workdir}"
        if options.keep:
            print(f"end it: {ending}", flush=True)
            plane.release()
        else:
            print("running until Ctrl-C", flush=True)
            signal.pause()
    return 0


def _list(workdir: Path) -> int:
    for name, processes, kubeconfig in list_clusters(workdir):
        print(f"{name}\t{f'{processes} processes' if processes else 'dead'}\t{kubeconfig}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 is success, 1 an error that was explained, 130 an interruption after which nothing is left."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if options.command == "doctor":
            return _doctor()
        if options.command == "build":
            print(ensure(options.source))
            return 0
        if options.command == "up":
            return _up(options)
        if options.command == "list":
            return _list(options.workdir)
        if not end_cluster(options.name, options.workdir):
            print(f"no cluster {options.name} in {options.workdir}", file=sys.stderr)
        return 0
    except (ControlPlaneError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing is left running", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())

"""`heterosched-extender`: read the settings, then serve a cluster or a file until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path

import uvloop

from heterosched import __version__
from heterosched.errors import HeteroSchedError
from heterosched.kube.client import Kube
from heterosched.policy.hooks import plugins
from heterosched.proxies import spare_loopback
from heterosched.settings import load, show
from heterosched_extender.app import Verbs, nothing_else, operations
from heterosched_extender.decisions import Decisions
from heterosched_extender.files import world_of
from heterosched_extender.metrics import ExtenderCollector, registry_of
from heterosched_extender.serve import address, listen, serve
from heterosched_extender.service import Service
from heterosched_extender.settings import Settings
from heterosched_extender.sync import Still, Sync

logger = logging.getLogger(__name__)

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    spare_loopback(os.environ)
    given = vars(_parser().parse_args(arguments))
    config, show_config, port = given.pop("config"), given.pop("show_config"), given.pop("port")
    if port is not None:
        given["verbs_port"] = port
    try:
        settings = load(Settings, os.environ, config, {key: value for key, value in given.items() if value is not None})
        if show_config:
            print(show(settings), end="")
            return 0
        logging.basicConfig(
            level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
        )
        _log_plugins()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_from_file(settings, settings.snapshot) if settings.snapshot else _from_cluster(settings))
    except HeteroSchedError as error:
        print(f"heterosched-extender: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heterosched-extender",
        description="Scheduler extender of HeteroSched: /filter and /prioritize for a kube-scheduler on the same host.",
        epilog="Every setting can also come from the environment (HETEROSCHED_EXTENDER_...) or from --config.",
    )
    parser.add_argument("--config", type=Path, help="settings file, YAML or TOML")
    parser.add_argument("--show-config", action="store_true", help="print the effective settings and end")
    parser.add_argument(
        "--kubeconfig", type=Path, help="credentials; else $KUBECONFIG, ~/.kube/config, service account"
    )
    parser.add_argument("--context", help="context of the kubeconfig")
    parser.add_argument(
        "--snapshot", type=Path, help="serve the nodes of this List (kubectl get nodes -o json), no cluster"
    )
    parser.add_argument("--port", type=int, help="port of the verbs (with --snapshot: of everything)")
    parser.add_argument("--ops-port", type=int, help="port of probes, metrics and decisions")
    parser.add_argument("--prometheus-url", help="where telemetry is read")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _log_plugins() -> None:
    found = plugins()
    for problem in found.problems:
        logger.warning(problem)
    if found.hooks:
        names = ", ".join(sorted(found.hooks))
        logger.info("policy plug-ins: %s, with the policies %s", names, ", ".join(sorted(found.rows)) or "(none)")


def _service(settings: Settings) -> Service:
    return Service(Decisions(settings.decisions_bytes, settings.decisions_hours * 3600))


async def _from_file(settings: Settings, path: Path) -> None:
    """Verbs and everything else on one port; the picture never changes."""
    service, health = _service(settings), Still()
    service.snapshot = world_of(path).snapshot(time.time())
    registry = registry_of(ExtenderCollector(service))
    app = Verbs(service, operations(service.decisions, health, registry, __version__), settings.body_limit_bytes)
    with closing(listen(settings.verbs_host, settings.verbs_port)) as opened:
        logger.info("serving %d nodes of %s on %s", len(service.snapshot.nodes), path, address(opened))
        gc.collect()
        gc.freeze()
        await serve([(app, opened)], health)


async def _from_cluster(settings: Settings) -> None:
    """The verbs on loopback, the rest on the pod's address, both before the first byte comes from the cluster."""
    service = _service(settings)
    async with AsyncExitStack() as stack:
        verbs = stack.enter_context(closing(listen(settings.verbs_host, settings.verbs_port)))
        ops = stack.enter_context(closing(listen(settings.ops_host, settings.ops_port)))
        kube = await stack.enter_async_context(await Kube.connect(settings.kubeconfig, settings.context))
        sync = Sync(kube, service, settings)
        registry = registry_of(ExtenderCollector(service, sync.watches))
        apps = [
            (Verbs(service, nothing_else, settings.body_limit_bytes), verbs),
            (operations(service.decisions, sync, registry, __version__), ops),
        ]
        logger.info("verbs on %s, probes, metrics and decisions on %s", address(verbs), address(ops))
        await serve(apps, sync, sync.run)


if __name__ == "__main__":
    sys.exit(main())

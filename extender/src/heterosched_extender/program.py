"""Serve a cluster or a file until told to stop; everything that the serving process needs, and no more, is loaded here.

Not loaded, because a child has read the settings and most kubeconfigs are plain: pydantic, YAML, the `kubernetes`
package and its HTTP client. They would take a third of the memory.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from heterosched import __version__
from heterosched.kube.access import Access
from heterosched.kube.reader import Reader
from heterosched.model import DEVICE_TYPES, DeviceTable
from heterosched.policy.hooks import plugins
from heterosched_extender.app import Asgi, Verbs, nothing_else
from heterosched_extender.decisions import Decisions
from heterosched_extender.files import world_of
from heterosched_extender.gate import Gate, gate_of, open_gate
from heterosched_extender.logs import configure
from heterosched_extender.memory import give_back, settle
from heterosched_extender.metrics import ExtenderCollector, registry_of
from heterosched_extender.ops import Health, Operations, Still
from heterosched_extender.serve import address, listen, serve
from heterosched_extender.service import Service
from heterosched_extender.start import Found
from heterosched_extender.sync import Sync
from heterosched_extender.tls import Tls

if TYPE_CHECKING:
    from heterosched.kube.client import Kube
    from heterosched_extender.settings import Settings

logger = logging.getLogger(__name__)


def run(found: Found) -> None:
    """Serve as `found` says. Raises InvalidInput for what cannot be used."""
    settings = found.settings
    configure(settings.log_level, settings.log_format)
    devices = _devices(settings)
    _log_plugins()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if settings.snapshot:
            runner.run(_from_file(settings, settings.snapshot, devices))
        else:
            runner.run(_from_cluster(settings, found.access, devices))


def _devices(settings: Settings) -> DeviceTable:
    if settings.devices_file is None:
        return DEVICE_TYPES
    from heterosched.device_file import read_device_file

    return read_device_file(settings.devices_file)


def _log_plugins() -> None:
    found = plugins()
    for problem in found.problems:
        logger.warning(problem)
    if found.hooks:
        names = ", ".join(sorted(found.hooks))
        logger.info("policy plug-ins: %s, with the policies %s", names, ", ".join(sorted(found.rows)) or "(none)")


def _service(settings: Settings) -> Service:
    return Service(Decisions(settings.decisions_bytes, settings.decisions_hours * 3600))


def _tls(settings: Settings) -> Tls | None:
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return None
    return Tls(settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file)


def _operations(service: Service, health: Health, collector: ExtenderCollector, gate: Gate = open_gate) -> Operations:
    def load() -> Asgi:
        from heterosched_extender.explanations import explanations

        loaded = explanations(service, time.time, __version__)
        give_back()
        return loaded

    return Operations(health, registry_of(collector), load, gate)


async def _from_file(settings: Settings, path: Path, devices: DeviceTable) -> None:
    """Verbs and everything else on one port; the picture never changes."""
    service, health, tls = _service(settings), Still(), _tls(settings)
    service.snapshot = world_of(path, devices).snapshot(time.time())
    app = Verbs(service, _operations(service, health, ExtenderCollector(service)), settings.body_limit_bytes)
    with closing(listen(settings.verbs_host, settings.verbs_port)) as opened:
        logger.info("serving %d nodes of %s on %s", len(service.snapshot.nodes), path, address(opened))
        settle()
        gc.enable()  # here nothing changes, and nobody sweeps
        await serve([(app, opened)], health, tls=tls)


async def _from_cluster(settings: Settings, access: Access | None, devices: DeviceTable) -> None:
    """The verbs on loopback, the rest on the pod's address, both before the first byte comes from the cluster."""
    service, tls = _service(settings), _tls(settings)
    async with AsyncExitStack() as stack:
        verbs = stack.enter_context(closing(listen(settings.verbs_host, settings.verbs_port)))
        ops = stack.enter_context(closing(listen(settings.ops_host, settings.ops_port)))
        kube = await _client(settings, access, stack)
        gate = gate_of(kube, settings.decisions_auth)
        sync = Sync(kube, service, settings, devices)
        figures = ExtenderCollector(service, sync.watches, refused=sync.refused, tls=tls)
        apps = [
            (Verbs(service, nothing_else, settings.body_limit_bytes), verbs),
            (_operations(service, sync, figures, gate), ops),
        ]
        logger.info("verbs on %s, probes, metrics and decisions on %s", address(verbs), address(ops))
        await serve(apps, sync, sync.run, tls)


async def _client(settings: Settings, access: Access | None, stack: AsyncExitStack) -> Kube | Reader:
    """The small client where that is enough; the `kubernetes` package for every other kind of credentials."""
    if access is not None:
        return await stack.enter_async_context(Reader(access))
    from heterosched.kube.client import Kube

    return await stack.enter_async_context(await Kube.connect(settings.kubeconfig, settings.context))

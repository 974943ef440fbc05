"""The kopf side, thin: low-level handlers that hand events on. No annotations, no finalizers, no copies of objects."""

from __future__ import annotations

import os
from typing import Any

import kopf

from heterosched.constants import GROUP, VERSION
from heterosched_operator.service import Service

KINDS = ("heterojobs", "schedulingpolicies", "throughputprofiles")


def configure(settings: kopf.OperatorSettings) -> None:
    """Settings of kopf: no Events out of log lines, dead watches noticed, short timeouts, names of our own."""
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.watching.inactivity_timeout = 70.0
    settings.watching.connect_timeout = 5.0
    settings.networking.request_timeout = 30.0
    settings.scanning.disabled = False  # the CRDs may be installed after the operator has started
    settings.peering.standalone = True
    settings.persistence.finalizer = f"{GROUP}/never-set"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=f"kopf.{GROUP}")
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=f"kopf.{GROUP}")


def registry_of(service: Service) -> kopf.OperatorRegistry:
    """A registry with all handlers of this operator and none of kopf's defaults."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)
        await service.start()

    @kopf.on.cleanup(registry=registry)
    async def stop(**_: Any) -> None:
        await service.stop()

    @kopf.on.login(registry=registry)
    def login(settings: kopf.OperatorSettings, **kwargs: Any) -> kopf.ConnectionInfo | None:
        if service.settings.kubeconfig is not None:
            # kopf reads the path from the environment alone.
            os.environ["KUBECONFIG"] = str(service.settings.kubeconfig)
        found = kopf.login_with_kubeconfig(settings=settings, **kwargs)
        return found or kopf.login_with_service_account(settings=settings, **kwargs)

    @kopf.on.probe(registry=registry, id="operator")
    async def probe(**_: Any) -> dict[str, Any]:
        return service.alive()

    for kind in KINDS:
        _forward(registry, service, kind)
    return registry


def _forward(registry: kopf.OperatorRegistry, service: Service, kind: str) -> None:
    @kopf.on.event(GROUP, VERSION, kind, registry=registry, id=f"seen-{kind}")
    async def seen(event: kopf.RawEvent, **_: Any) -> None:
        service.seen(kind, event["type"], dict(event["object"]))

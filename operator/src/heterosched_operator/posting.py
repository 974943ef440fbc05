"""Posts Events about HeteroJobs in the background: slower than decisions, and lost rather than in their way."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any, Final

from heterosched.api import HeteroJob
from heterosched.constants import API_VERSION
from heterosched.kube.client import Kube
from heterosched.kube.errors import ApiError
from heterosched.units import format_time
from heterosched_operator.actions import EmitEvent
from heterosched_operator.metrics import Metrics

logger = logging.getLogger(__name__)

QUEUE: Final = 5000
WORKERS: Final = 4
COMPONENT: Final = "heterosched-operator"


class Poster:
    """A bounded queue of Events and the tasks that empty it. `clock` gives epoch seconds."""

    def __init__(self, kube: Kube, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._kube, self._metrics, self._clock = kube, metrics, clock
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(QUEUE)

    def post(self, job: HeteroJob, event: EmitEvent) -> None:
        """Post soon; dropped and counted where the queue is full."""
        path = f"/api/v1/namespaces/{job.metadata.namespace}/events"
        try:
            self._queue.put_nowait((path, event_body(job, event, self._clock())))
        except asyncio.QueueFull:
            self._metrics.events_dropped.inc()

    async def run(self) -> None:
        """Post for ever; ends only by cancellation."""
        await asyncio.gather(*(self._work() for _ in range(WORKERS)))

    async def _work(self) -> None:
        while True:
            path, body = await self._queue.get()
            try:
                await self._kube.post(path, body)
            except ApiError as error:
                self._metrics.events_dropped.inc()
                logger.debug("Event lost: %s", error)


def event_body(job: HeteroJob, event: EmitEvent, now: float) -> dict[str, Any]:
    """The Event object."""
    moment = format_time(int(now))
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{job.metadata.name}.{uuid.uuid4().hex[:16]}", "namespace": job.metadata.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "HeteroJob",
            "name": job.metadata.name,
            "namespace": job.metadata.namespace,
            "uid": job.metadata.uid,
            "resourceVersion": job.metadata.resource_version,
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
    }

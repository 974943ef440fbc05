"""Wakes pods that wait because of what telemetry or topology said of nodes.

kube-scheduler tries a pod that an extender turned down again when something changes in the API server, else after
five minutes; that a GPU has cooled down is no such change. So the operator, which sees the same telemetry, writes the
time into an annotation of such a pod: an update of the pod is a change. The scheduler's own backoff (up to 10 s) holds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final

from heterosched.constants import GROUP, SCHEDULER_NAME
from heterosched.errors import HeteroSchedError
from heterosched.kube.objects import PodObject, condition
from heterosched.kube.scope import Scope
from heterosched.units import format_time

logger = logging.getLogger(__name__)

ANNOTATION_WOKEN: Final = f"{GROUP}/woken-at"

REASONS: Final = (
    "degrees Celsius, the limit is",
    "throttles for heat or a power brake",
    "reported a hardware error (XID",
    "cannot reach an exporter",
    "says dontschedule",
    "NUMA",
)
"""What the extender's reasons that a new sample or a new NodeResourceTopology can cure have in them."""

LOOK_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 30.0
"""Time between two wakings of a pod when no node is known to have calmed: metrics of TASPolicies and topologies are the
extender's to judge.
"""
MOST_AT_ONCE: Final = 50
"""Pods woken in one look: thousands of retries at once would keep the scheduler from everything else."""


def waits(pod: PodObject) -> bool:
    """Whether our scheduler last gave one of the REASONS for not placing the pod; pods of others are theirs to wake."""
    if pod.spec.scheduler_name != SCHEDULER_NAME:
        return False
    found = condition(pod.status.conditions, "PodScheduled")
    if pod.spec.node_name or pod.finished or found is None or found.status != "False":
        return False
    return found.reason == "Unschedulable" and any(text in found.message for text in REASONS)


class Waker:
    """`await run()` as a task. `hot`: what telemetry holds against nodes now, in any form that can be compared.

    `scope`: the namespaces in which pods may be written to.
    """

    def __init__(
        self,
        kube: Any,
        pods: Callable[[], Iterable[PodObject]],
        hot: Callable[[], Hashable],
        clock: Callable[[], float],
        scope: Scope = Scope(),  # noqa: B008 - it is frozen
    ) -> None:
        self._kube, self._pods, self._hot, self._clock, self._scope = kube, pods, hot, clock, scope
        self._woken: dict[str, tuple[float, Hashable]] = {}

    async def run(self) -> None:
        """Look again and again; ends only by cancellation."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Wake those who are due, the longest asleep first; how many."""
        now, hot = self._clock(), self._hot()
        within = (pod for pod in self._pods() if pod.metadata.namespace in self._scope)
        waiting = {pod.metadata.uid: pod for pod in within if waits(pod)}
        self._woken = {uid: self._woken.get(uid, (now, hot)) for uid in waiting}
        due = [uid for uid, (at, then) in self._woken.items() if then != hot or now - at >= AGAIN_SECONDS]
        chosen = sorted(due, key=lambda uid: self._woken[uid][0])[:MOST_AT_ONCE]
        for uid in chosen:
            self._woken[uid] = (now, hot)
            await self._wake(waiting[uid], now)
        return len(chosen)

    async def _wake(self, pod: PodObject, now: float) -> None:
        path = f"/api/v1/namespaces/{pod.metadata.namespace}/pods/{pod.metadata.name}"
        body = {"metadata": {"uid": pod.metadata.uid, "annotations": {ANNOTATION_WOKEN: format_time(now)}}}
        try:
            await self._kube.patch(path, body)
        except HeteroSchedError as error:
            logger.info("waking pod %s: %s", pod.key, error)

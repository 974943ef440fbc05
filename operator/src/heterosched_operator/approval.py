"""Says in the status of every SchedulingPolicy whether it is in use, and what of it is wrong or hardly meant.

Level-triggered: a status is written where it differs from what would be said now, and only there. So a plug-in that
comes with a restart, a node of a device type that nobody knew, or a query that is answered again, corrects it as an
edit of the policy does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from heterosched.api import SchedulingPolicy
from heterosched.api.policy import SchedulingPolicyStatus
from heterosched.api.status import Condition
from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched.kube.client import Kube
from heterosched.kube.errors import Conflict, NotFound, Rejected
from heterosched.model import NO_TELEMETRY, Cluster, Telemetry
from heterosched.planning.doubts import policy_doubts
from heterosched.policy.hooks import Plugins, plugins
from heterosched.policy.table import PolicyRow, row_of
from heterosched_operator import conditions as c
from heterosched_operator.listing import POLICIES
from heterosched_operator.store import Store
from heterosched_operator.tariff import refused_queries, unanswered

logger = logging.getLogger(__name__)

Json = dict[str, Any]

LOOK_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 30.0
"""After a write that the API server has refused as it stands: by a missing permission, say."""


def verdict_on(
    policy: SchedulingPolicy, cluster: Cluster, installed: Plugins, readings: Telemetry = NO_TELEMETRY
) -> Condition:
    """The condition Accepted of a policy: False with the field that is wrong, else True with what is hardly meant and
    which of its queries yield nothing by the last `readings`.
    """
    try:
        row = row_of(policy)
    except InvalidInput as error:
        message = f"{error}; until then jobs that name it are not accepted"
        return c.condition(c.ACCEPTED, False, c.INVALID_SPEC, message)
    told, silent = list(policy_doubts(row, cluster)), list(refused_queries(row, readings))
    reason = c.UNKNOWN_DEVICE if told else c.QUERY_SILENT if silent else c.VALID
    told += silent
    if row.hook and row.hook not in installed.hooks:
        reason = c.UNKNOWN_HOOK
        told.insert(0, _missing_hook(row, installed))
    if row.idle:
        told.append(f"not in force yet: {', '.join(row.idle)}")
    return c.condition(c.ACCEPTED, True, reason, "; ".join(["jobs may name it", *told]))


def _missing_hook(row: PolicyRow, installed: Plugins) -> str:
    """Why the policy's plug-in is not there, as far as the operator's own installation tells."""
    broken = [problem for problem in installed.problems if problem.startswith(f"policy plug-in {row.hook} ")]
    why = broken[0] if broken else f"no such plug-in is installed (known: {', '.join(installed.hooks) or 'none'})"
    return (
        f"spec.hook {row.hook} is without effect, the policy's own weights count: {why}; install it or remove the field"
    )


def status_of(
    policy: SchedulingPolicy,
    cluster: Cluster,
    installed: Plugins,
    now: float,
    readings: Telemetry = NO_TELEMETRY,
    awaited: bool = False,
) -> SchedulingPolicyStatus:
    """The whole status as it should be at `now` (epoch seconds); equal to the policy's own where nothing changed.
    `awaited`: there is a Prometheus, so what it has not been asked yet it will be.
    """
    generation = policy.metadata.generation
    fresh = verdict_on(policy, cluster, installed, readings)
    told = [_still_silent(policy, fresh, readings) if awaited else fresh]
    return SchedulingPolicyStatus(
        observed_generation=generation, conditions=c.merged(policy.status.conditions, told, generation, now)
    )


def _still_silent(policy: SchedulingPolicy, fresh: Condition, readings: Telemetry) -> Condition:
    """`fresh`, or what was said last of queries that yield nothing: an operator that has just started has not asked
    them yet, which is no sign that they are mended.
    """
    old = next((own for own in policy.status.conditions if own.type == c.ACCEPTED), fresh)
    same = old.observed_generation == policy.metadata.generation
    if not same or (old.reason, fresh.reason) != (c.QUERY_SILENT, c.VALID):
        return fresh
    return old if unanswered(row_of(policy), readings) else fresh


class Approver:
    """`await run()` as a task. `clock` gives epoch seconds; `manager` are the query parameters of a write."""

    def __init__(self, kube: Kube, store: Store, clock: Callable[[], float], manager: Mapping[str, str]) -> None:
        self._kube, self._store, self._clock, self._manager = kube, store, clock, dict(manager)
        self._told: dict[str, str] = {}
        self._not_before: dict[str, float] = {}

    async def run(self) -> None:
        """Look again and again; ends only by cancellation."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Write the statuses that are not as they should be; how many. What fails is tried again by the next look."""
        written, cluster, installed, now = 0, self._store.cluster(), plugins(), self._clock()
        readings, awaited = self._store.readings, self._store.telemetry.configured
        for policy in list(self._store.policies.items.values()):
            own = policy.metadata
            if own.deletion_timestamp is not None or self._not_before.get(own.uid, now) > now:
                continue
            status = status_of(policy, cluster, installed, now, readings, awaited)
            if status == policy.status:
                continue
            try:
                await self._write(policy, status)
                written += 1
                self._log(policy, status)
            except HeteroSchedError as error:
                logger.info("SchedulingPolicy %s: writing its status: %s", own.name, error)
                known = self._store.policies.items.get(own.uid)
                if known is not None and known.metadata.resource_version == own.resource_version:
                    self._not_before[own.uid] = now + AGAIN_SECONDS
        return written

    def _log(self, policy: SchedulingPolicy, status: SchedulingPolicyStatus) -> None:
        """A policy that is refused, or not as it was meant, is worth a line each time that this changes."""
        accepted = next(own for own in status.conditions if own.type == c.ACCEPTED)
        if accepted.reason != c.VALID and self._told.get(policy.metadata.uid) != accepted.message:
            logger.warning("SchedulingPolicy %s: %s", policy.metadata.name, accepted.message)
        self._told[policy.metadata.uid] = accepted.message

    async def _write(self, policy: SchedulingPolicy, status: SchedulingPolicyStatus) -> None:
        """Replace the status, if UID and version are still those that it was computed from; else read it anew.

        A policy that is gone needs none. Raises ApiError.
        """
        own = policy.metadata
        path = f"{POLICIES}/{own.name}"
        patch: list[Json] = [
            {"op": "test", "path": "/metadata/uid", "value": own.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": own.resource_version},
            {"op": "add", "path": "/status", "value": msgspec.to_builtins(status)},
        ]
        try:
            self._store.policies.put(await self._kube.patch(f"{path}/status", patch, "json", self._manager))
        except NotFound:
            self._store.policies.drop(own.uid)
            raise
        except (Conflict, Rejected):
            self._store.policies.put(await self._kube.get(path))
            raise

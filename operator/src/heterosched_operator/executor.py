"""Carries decisions out. The status patch comes first and guards the rest; then everything else, each on its own.

Every action may be repeated: creating what exists is success if it is ours, deleting what is gone is success, and each
patch or deletion names the UID (and version) that it is about.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Any

import msgspec

from heterosched.api import HeteroJob
from heterosched.api.status import wire_status
from heterosched.constants import LABEL_ATTEMPT, LABEL_TASK
from heterosched.errors import HeteroSchedError
from heterosched.kube.client import Kube
from heterosched.kube.errors import AlreadyExists, ApiError, ApiUnavailable, Conflict, NotFound, Rejected
from heterosched_operator.actions import (
    Action,
    AskWhyNoPods,
    CreateJob,
    CreateService,
    DeleteHeteroJob,
    DeleteJob,
    DryRun,
    EmitEvent,
    LookForJob,
    MeasureEnergy,
    PatchStatus,
    ReleaseGang,
    TeachProfile,
)
from heterosched_operator.events import DEADLINE_MISSED
from heterosched_operator.listing import OURS
from heterosched_operator.measuring import Meter, runs_of
from heterosched_operator.metrics import Metrics
from heterosched_operator.posting import Poster
from heterosched_operator.store import Store, as_child
from heterosched_operator.teaching import Teacher
from heterosched_operator.world import Podless, controller_uid

logger = logging.getLogger(__name__)

Json = dict[str, Any]

FIELD_MANAGER = {"fieldManager": "heterosched-operator"}


class Executor:
    """Carries out the actions of jobs; at most `concurrency` requests at a time."""

    def __init__(
        self, kube: Kube, store: Store, poster: Poster, meter: Meter, metrics: Metrics, concurrency: int
    ) -> None:
        self._kube, self._store, self._poster, self._meter, self._metrics = kube, store, poster, meter, metrics
        self._slots = asyncio.Semaphore(concurrency)
        self._teacher = Teacher(kube, store, FIELD_MANAGER)

    async def carry_out(self, job: HeteroJob, actions: Iterable[Action]) -> bool:
        """Carry out a decision; False where something failed and has to be tried again."""
        actions = list(actions)
        for action in actions:
            if isinstance(action, PatchStatus) and not await self._try(job, action, self._patch_status(job, action)):
                return False
        for event in (action for action in actions if isinstance(action, EmitEvent)):
            self._metrics.deadlines_missed.inc(event.reason == DEADLINE_MISSED)
            self._poster.post(job, event)
        rest = [action for action in actions if not isinstance(action, PatchStatus | EmitEvent)]
        # A Service first, so that the first worker can already be looked up by name.
        first = [action for action in rest if not isinstance(action, CreateJob)]
        last = [action for action in rest if isinstance(action, CreateJob)]
        done = True
        for group in (first, last):
            results = await asyncio.gather(*(self._try(job, action, self._one(job, action)) for action in group))
            done = done and all(results)
        return done

    async def _try(self, job: HeteroJob, action: Action, doing: Awaitable[None]) -> bool:
        """Whether it worked. One that fails is logged and counted; it never keeps others from being tried."""
        kind = type(action).__name__
        try:
            async with self._slots:
                await doing
        except ApiUnavailable as error:
            logger.warning("%s: %s: %s", job.label, kind, error)
        except (Conflict, NotFound) as error:
            logger.debug("%s: %s: %s", job.label, kind, error)
        except (HeteroSchedError, msgspec.ValidationError) as error:
            logger.error("%s: %s: %s", job.label, kind, error)
        else:
            self._metrics.actions.labels(kind).inc()
            return True
        self._metrics.failures.labels(kind).inc()
        return False

    def _one(self, job: HeteroJob, action: Action) -> Awaitable[None]:
        match action:
            case DryRun():
                return self._dry_run(job, action)
            case CreateService():
                return self._create_service(job, action)
            case CreateJob():
                return self._create_job(job, action)
            case LookForJob():
                return self._look_for_job(job, action)
            case AskWhyNoPods():
                return self._ask_why_no_pods(job, action)
            case DeleteJob():
                return self._delete_job(job, action)
            case ReleaseGang():
                return self._release(job, action)
            case MeasureEnergy():
                return self._measure(action)
            case TeachProfile():
                return self._teacher.teach(action)
            case DeleteHeteroJob():
                return self._delete_hetero_job(job)
        raise TypeError(f"no way to carry out {action!r}")

    # --- the job itself ----------------------------------------------------------------------------------------------

    async def _patch_status(self, job: HeteroJob, action: PatchStatus) -> None:
        """Replace the status if UID and version are still those that were decided on; else read the job anew."""
        path = f"{_path(job)}/status"
        patch: list[Json] = [
            {"op": "test", "path": "/metadata/uid", "value": job.metadata.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": job.metadata.resource_version},
            {"op": "add", "path": "/status", "value": wire_status(action.status)},
        ]
        try:
            self._store.jobs.put(await self._kube.patch(path, patch, "json", FIELD_MANAGER))
        except NotFound:
            self._store.jobs.drop(job.metadata.uid)
            raise
        except (Conflict, Rejected):
            fresh = await self._fetch(job)
            if fresh is None or fresh["metadata"]["resourceVersion"] == job.metadata.resource_version:
                raise
            raise Conflict(f"PATCH {path}", 409, "Conflict", "the job changed meanwhile") from None

    async def _fetch(self, job: HeteroJob) -> Json | None:
        """The job as it is now, into the cache; None where it is gone (or another one has its name)."""
        try:
            raw = await self._kube.get(_path(job))
        except NotFound:
            raw = {}
        if raw.get("metadata", {}).get("uid") != job.metadata.uid:
            self._store.jobs.drop(job.metadata.uid)
            return None
        self._store.jobs.put(raw)
        return raw

    async def _delete_hetero_job(self, job: HeteroJob) -> None:
        await self._gone_is_fine(self._kube.delete(_path(job), uid=job.metadata.uid, propagation="Background"))

    # --- children ----------------------------------------------------------------------------------------------------

    async def _dry_run(self, job: HeteroJob, action: DryRun) -> None:
        """Quota and the like are no matter of the template: they are met when the Job is really created."""
        answer = ""
        try:
            await self._kube.post(_jobs(job), action.body, {"dryRun": "All"})
        except Rejected as error:
            answer = error.message
        except (ApiUnavailable, NotFound):
            raise
        except ApiError as error:
            logger.info("%s: dry run: %s", job.label, error)
        self._store.refusals[job.metadata.uid, action.key] = answer

    async def _create_service(self, job: HeteroJob, action: CreateService) -> None:
        path = f"/api/v1/namespaces/{job.metadata.namespace}/services"
        name = action.body["metadata"]["name"]
        try:
            await self._kube.post(path, action.body, FIELD_MANAGER)
        except AlreadyExists:
            there = await self._kube.get(f"{path}/{name}")
            if not _owned(there, job):
                logger.error("%s: Service %s belongs to somebody else; the workers will not meet", job.label, name)

    async def _create_job(self, job: HeteroJob, action: CreateJob) -> None:
        name = action.body["metadata"]["name"]
        try:
            raw = await self._kube.post(_jobs(job), action.body, FIELD_MANAGER)
        except AlreadyExists:
            raw = await self._kube.get(f"{_jobs(job)}/{name}")
            labels = raw["metadata"].get("labels") or {}
            same = (labels.get(LABEL_TASK), labels.get(LABEL_ATTEMPT)) == (action.attempt[1], str(action.attempt[2]))
            if not _owned(raw, job) or not same:
                self._trouble(action, f"Job {name} exists and belongs to somebody else; delete it or rename the job")
                raise
        except Rejected as error:
            self._store.refusals[job.metadata.uid, action.key] = error.message
            raise
        except ApiUnavailable:
            raise
        except ApiError as error:
            self._trouble(action, f"the API server does not let Job {name} be created: {error.message}")
            raise
        self._store.troubles.pop(action.attempt, None)
        self._store.absent.discard(action.attempt)
        self._metrics.jobs_created.inc()
        child = as_child(raw)
        self._store.created(child, controller_uid(child))

    async def _look_for_job(self, job: HeteroJob, action: LookForJob) -> None:
        """A read without a version is answered from the latest state, unlike a watch."""
        try:
            raw = await self._kube.get(f"{_jobs(job)}/{action.name}")
        except NotFound:
            raw = {"metadata": {}}
        if _owned(raw, job):
            self._store.created(as_child(raw), job.metadata.uid)
        else:
            self._store.absent.add(action.attempt)

    async def _ask_why_no_pods(self, job: HeteroJob, action: AskWhyNoPods) -> None:
        """The Job controller says in Events why it cannot create pods: quota, service account, admission."""
        path = f"/api/v1/namespaces/{job.metadata.namespace}/events"
        try:
            page = await self._kube.get(path, {"fieldSelector": f"involvedObject.uid={action.uid}", "limit": 500})
            events = [event for event in page.get("items") or () if event.get("type") == "Warning"]
            why = str(max(events, key=_moment_of).get("message", "")) if events else "no Event says why"
        except (ApiUnavailable, NotFound):
            raise
        except ApiError as error:
            why = f"its Events cannot be read: {error.message}"
        self._store.podless[action.attempt] = Podless(action.at, f"Job {action.name} lacks pods: {why}")

    def _trouble(self, action: CreateJob, message: str) -> None:
        self._store.troubles[action.attempt] = message

    async def _delete_job(self, job: HeteroJob, action: DeleteJob) -> None:
        path = f"{_jobs(job)}/{action.name}"
        await self._gone_is_fine(self._kube.delete(path, uid=action.uid, propagation="Foreground"))

    async def _release(self, job: HeteroJob, action: ReleaseGang) -> None:
        """Remove our gate from all members at once; where one has gone, the next round sees to it."""
        path = f"/api/v1/namespaces/{job.metadata.namespace}/pods"
        patches = []
        for name, uid, others in action.pods:
            body: list[Json] = [
                {"op": "test", "path": "/metadata/uid", "value": uid},
                {"op": "replace", "path": "/spec/schedulingGates", "value": [{"name": gate} for gate in others]},
            ]
            patches.append(self._kube.patch(f"{path}/{name}", body, "json", FIELD_MANAGER))
        results = await asyncio.gather(*patches, return_exceptions=True)
        failed = [result for result in results if isinstance(result, BaseException)]
        if failed:
            raise failed[0]

    async def _measure(self, action: MeasureEnergy) -> None:
        """Measured in the background: the answer comes back through the store."""
        pods = [self._store.pods.items[key] for key in action.pods if key in self._store.pods.items]
        nodes = {name: node for pod in pods if (node := self._store.node(name := pod.spec.node_name)) is not None}
        everybody = self._store.pods.items.values()
        self._meter.start(action.attempt, runs_of(pods, everybody, nodes, self._store.devices, time.time()))

    async def _gone_is_fine(self, deleting: Awaitable[Json]) -> None:
        """Gone already, or another object has taken the name: what was meant no longer exists."""
        with suppress(NotFound, Conflict):
            await deleting


def _path(job: HeteroJob) -> str:
    return f"{OURS}/namespaces/{job.metadata.namespace}/heterojobs/{job.metadata.name}"


def _jobs(job: HeteroJob) -> str:
    return f"/apis/batch/v1/namespaces/{job.metadata.namespace}/jobs"


def _moment_of(event: Json) -> str:
    """When the Event was last seen; RFC 3339 times in UTC sort as texts."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((str(time) for time in times if time), "")


def _owned(raw: Json, job: HeteroJob) -> bool:
    return any(
        owner.get("controller") and owner.get("uid") == job.metadata.uid
        for owner in raw["metadata"].get("ownerReferences") or ()
    )

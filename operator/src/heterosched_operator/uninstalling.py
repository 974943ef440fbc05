"""`heterosched-operator suspend-all` and `resume-all`: what the chart runs before it goes and when it comes back.

Suspends every HeteroJob that has not ended, in place of its owner and saying so, then takes back the attempts that have
not begun by deleting their Jobs: a pod alone would be made anew by the Job controller, for a scheduler that is gone.
Works beside an operator as well as without one, any number of times. What waits for our scheduler and is nobody's
HeteroJob is left alone and named.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from heterosched.api import HeteroJob
from heterosched.api.status import TaskStatus, status_of
from heterosched.constants import (
    ANNOTATION_SUSPENDED_BY,
    LABEL_JOB,
    LABEL_MANAGED_BY,
    MANAGED_BY,
    SCHEDULER_NAME,
)
from heterosched.kube.client import Kube
from heterosched.kube.errors import ApiError, ApiUnavailable, Conflict, NotFound
from heterosched.kube.objects import JobObject, PodObject
from heterosched.kube.scope import Scope
from heterosched_operator.actions import EmitEvent
from heterosched_operator.leaving import begun
from heterosched_operator.listing import OURS
from heterosched_operator.posting import event_body
from heterosched_operator.sight import Sight, complete, failed
from heterosched_operator.world import attempt_of, controller_uid

logger = logging.getLogger(__name__)

LOOKS: Final = 30
PAUSE: Final = 1.0
"""Seconds between two looks: an operator that still runs may just be creating what it had decided before."""
TRIES: Final = 5
SHOWN: Final = 20

SUSPENDED: Final = "SuspendedByUninstall"
RESUMED: Final = "ResumedByInstall"


@dataclass
class Tally:
    """What was done, or would be in a dry run."""

    suspended: int = 0
    resumed: int = 0
    taken_back: int = 0
    run_on: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.suspended} HeteroJobs suspended, {self.resumed} resumed; {self.taken_back} Jobs that had not begun "
            f"taken back, {self.run_on} that have run on; {len(self.problems)} problems"
        )


class Uninstaller:
    """Suspends and resumes the HeteroJobs of `scope`. `by` says who does so; `dry` only tells what would be done."""

    def __init__(
        self,
        kube: Kube,
        scope: Scope,
        by: str,
        dry: bool = False,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._kube, self._scope, self._by, self._dry = kube, scope, by, dry
        self._clock, self._sleep = clock, sleep
        self.tally = Tally()

    async def suspend(self) -> Tally:
        """Suspend, take back, report. Raises ApiError where the cluster cannot be looked at."""
        jobs = await self._jobs()
        if jobs is None:
            return self.tally
        active = [job for job in jobs if not _ended(job)]
        await self._each(self._suspend(job) for job in active if not job.spec.suspend)
        owners = {job.metadata.uid: job for job in active}
        quiet = 0
        for _ in range(1 if self._dry else LOOKS):
            quiet = 0 if await self._take_back(owners) else quiet + 1
            if quiet == 2:
                break
            await self._sleep(0.0 if self._dry else PAUSE)
        await self._report(owners)
        return self.tally

    async def resume(self) -> Tally:
        """Resume what an uninstallation has suspended, and nothing that its owner has."""
        jobs = await self._jobs() or []
        await self._each(self._resume(job) for job in jobs if ANNOTATION_SUSPENDED_BY in job.metadata.annotations)
        return self.tally

    # --- HeteroJobs --------------------------------------------------------------------------------------------------

    async def _jobs(self) -> list[HeteroJob] | None:
        """All that can be read; None where the CRDs are not there, so that nothing of ours can be."""
        found = []
        try:
            raws = await self._all(OURS, "heterojobs")
        except NotFound:
            logger.info("the cluster knows no HeteroJobs: nothing to do")
            return None
        for raw in raws:
            try:
                found.append(msgspec.convert(raw, HeteroJob))
            except msgspec.ValidationError as error:
                name = f"{raw['metadata'].get('namespace')}/{raw['metadata'].get('name')}"
                self._problem(f"HeteroJob {name} cannot be read and is left alone: {error}")
        return found

    async def _suspend(self, job: HeteroJob) -> None:
        logger.info("HeteroJob %s: %s", job.key, "would be suspended" if self._dry else "suspended")
        await self._patch(job, {ANNOTATION_SUSPENDED_BY: self._by}, True)
        self.tally.suspended += 1
        await self._tell(job, SUSPENDED, f"suspended by {self._by}; what is bound runs on, nothing new is created")

    async def _resume(self, job: HeteroJob) -> None:
        logger.info("HeteroJob %s: %s", job.key, "would be resumed" if self._dry else "resumed")
        await self._patch(job, {ANNOTATION_SUSPENDED_BY: None}, False)
        self.tally.resumed += 1
        told = job.metadata.annotations[ANNOTATION_SUSPENDED_BY]
        await self._tell(job, RESUMED, f"resumed by {self._by}; it had been suspended by {told}")

    async def _patch(self, job: HeteroJob, annotations: Mapping[str, str | None], suspend: bool) -> None:
        if self._dry:
            return
        metadata = {"uid": job.metadata.uid, "annotations": dict(annotations)}
        path = f"{OURS}/namespaces/{job.metadata.namespace}/heterojobs/{job.metadata.name}"
        await self._insist(lambda: self._kube.patch(path, {"metadata": metadata, "spec": {"suspend": suspend}}))

    async def _tell(self, job: HeteroJob, reason: str, message: str) -> None:
        if self._dry:
            return
        path = f"/api/v1/namespaces/{job.metadata.namespace}/events"
        try:
            await self._kube.post(path, event_body(job, EmitEvent("Normal", reason, message), self._clock()))
        except ApiError as error:
            logger.warning("HeteroJob %s: no Event: %s", job.key, error)

    # --- their Jobs --------------------------------------------------------------------------------------------------

    async def _take_back(self, owners: Mapping[str, HeteroJob]) -> int:
        """Delete the Jobs of attempts that have not begun; how many there were."""
        ours = {"labelSelector": f"{LABEL_MANAGED_BY}={MANAGED_BY}"}
        children = [msgspec.convert(raw, JobObject) for raw in await self._all("/apis/batch/v1", "jobs", ours)]
        pods: dict[str, list[PodObject]] = {}
        for raw in await self._all("/api/v1", "pods", {"labelSelector": LABEL_JOB}):
            pod = msgspec.convert(raw, PodObject)
            pods.setdefault(controller_uid(pod), []).append(pod)
        idle, self.tally.run_on = [], 0
        for child in children:
            job = owners.get(controller_uid(child))
            if job is None or child.metadata.deletion_timestamp is not None or complete(child) or failed(child):
                continue
            if begun(job, attempt_of(child)[1], _sight(job, child, pods.get(child.metadata.uid, ()))):
                self.tally.run_on += 1
            else:
                idle.append(child)
        await self._each(self._delete(child) for child in idle)
        return len(idle)

    async def _delete(self, child: JobObject) -> None:
        what = "would be deleted" if self._dry else "deleted"
        logger.info("Job %s: %s: nothing of it has begun, and its pods would wait for ever", child.key, what)
        path = f"/apis/batch/v1/namespaces/{child.metadata.namespace}/jobs/{child.metadata.name}"
        if not self._dry:
            await self._insist(lambda: self._kube.delete(path, uid=child.metadata.uid))
        self.tally.taken_back += 1

    # --- what is left ------------------------------------------------------------------------------------------------

    async def _report(self, owners: Mapping[str, HeteroJob]) -> None:
        """Name the pods that wait for our scheduler and stay: of Jobs that have begun in part, and other people's."""
        waiting = {"fieldSelector": f"spec.schedulerName={SCHEDULER_NAME},spec.nodeName=,status.phase=Pending"}
        raws = await self._kube.list("/api/v1/pods", waiting)
        pods = [pod for raw in raws if not (pod := msgspec.convert(raw, PodObject)).metadata.deletion_timestamp]
        names = {job.key for job in owners.values()}
        ours = [pod for pod in pods if f"{pod.metadata.namespace}/{pod.labels.get(LABEL_JOB, '')}" in names]
        if not self._dry:
            _name(
                ours, "waits until the scheduler is back: other pods of its Job run, or have ended, and keep it alive"
            )
        others = [pod for pod in pods if pod not in ours]
        _name(
            others,
            f"waits for a scheduler named {SCHEDULER_NAME} and is of no HeteroJob: delete it or change its owner",
        )

    # --- the API server ----------------------------------------------------------------------------------------------

    async def _all(self, api: str, plural: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for path in self._scope.paths(api, plural).values():
            found += await self._insist(lambda path=path: self._kube.list(path, params))  # type: ignore[misc]
        return found

    async def _insist(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """The request's answer, tried again while nobody answers. Raises ApiError."""
        for attempt in range(1, TRIES):
            try:
                return await request()
            except ApiUnavailable as error:
                logger.warning("%s; trying again", error)
                await self._sleep(PAUSE * attempt)
        return await request()

    async def _each(self, doings: Iterable[Awaitable[None]]) -> None:
        """One after the other; what is gone, or another object by now, needs nothing, and no failure stops the rest."""
        for doing in doings:
            try:
                await doing
            except (NotFound, Conflict) as error:
                logger.info("gone meanwhile: %s", error)
            except ApiError as error:
                self._problem(str(error))

    def _problem(self, text: str) -> None:
        logger.error("%s", text)
        self.tally.problems.append(text)


def _ended(job: HeteroJob) -> bool:
    try:
        status = status_of(job)
    except msgspec.ValidationError:
        return False
    return job.metadata.deletion_timestamp is not None or status.is_true("Completed") or status.is_true("Failed")


def _sight(job: HeteroJob, child: JobObject, pods: Sequence[PodObject]) -> Sight:
    """The attempt as its Job and pods show it; how many workers it has, the Job itself tells."""
    return Sight(TaskStatus(name=attempt_of(child)[1], job_name=child.metadata.name), child, tuple(pods))


def _name(pods: Sequence[PodObject], why: str) -> None:
    for pod in pods[:SHOWN]:
        logger.warning("Pod %s %s", pod.key, why)
    if len(pods) > SHOWN:
        logger.warning("... and %d more such pods", len(pods) - SHOWN)

"""Work that nobody has looked at: what shows that a program is missing of which no pod and no lease tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heterosched.constants import GROUP, SCHEDULER_NAME, VERSION
from heterosched_cli.doctor.cluster import Cluster, Json, condition, key_of, moment
from heterosched_cli.doctor.registry import some

HETEROJOBS = f"/apis/{GROUP}/{VERSION}/heterojobs"
PODS = "/api/v1/pods"
PENDING = f"status.phase=Pending,spec.schedulerName={SCHEDULER_NAME}"
UNHEEDED_SECONDS = 60.0


async def left_by(cluster: Cluster, component: str) -> str:
    """What `operator` or `scheduler` should have looked at by now, as far as that may be listed; else ""."""
    now = await cluster.earliest()
    if component == "operator":
        found = await cluster.any_of(HETEROJOBS)
        # One that has seen to a younger job was there after the older ones, and leaves their namespaces alone.
        seen = max((_created(own) for own in found if _heeded(own)), default=0.0)
        left = [key_of(job) for job in jobs_left(now, found) if _created(job) > seen]
        return f"HeteroJob {some(left)}: no status after {UNHEEDED_SECONDS:.0f} s" if left else ""
    left = [key_of(pod) for pod in pods_left(now, await cluster.any_of(PODS, fieldSelector=PENDING))]
    return f"pod {some(left)}: no scheduler has looked at it after {UNHEEDED_SECONDS:.0f} s" if left else ""


def jobs_left(now: float, jobs: Iterable[Json]) -> Sequence[Json]:
    """HeteroJobs without a status although they are older than it takes, but for those that are being deleted."""
    unheeded = [own for own in jobs if not _heeded(own) and "deletionTimestamp" not in own["metadata"]]
    return [own for own in unheeded if age(now, own) > UNHEEDED_SECONDS]


def pods_left(now: float, pods: Iterable[Json]) -> Sequence[Json]:
    """Pods of which no scheduler has said anything, although it should: those that are gated have been told to wait,
    and those that are being deleted are passed over.
    """
    silent = [pod for pod in pods if not pod["spec"].get("nodeName") and not condition(pod, "PodScheduled")]
    due = [pod for pod in silent if not pod["spec"].get("schedulingGates") and not _awaits_volume(pod)]
    return [pod for pod in due if "deletionTimestamp" not in pod["metadata"] and age(now, pod) > UNHEEDED_SECONDS]


def _awaits_volume(pod: Json) -> bool:
    """Whether it may have its node already, of which nothing is told until its volume has been made there: minutes."""
    volumes = pod["spec"].get("volumes") or ()
    return any(kind in volume for volume in volumes for kind in ("persistentVolumeClaim", "ephemeral"))


def _heeded(job: Json) -> bool:
    return bool((job.get("status") or {}).get("observedGeneration"))


def age(now: float, thing: Json) -> float:
    """Seconds since it was created."""
    return now - _created(thing)


def _created(thing: Json) -> float:
    return moment(str(thing["metadata"].get("creationTimestamp") or ""))

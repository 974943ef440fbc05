"""Gangs: all workers of a task start together or none.

Their pods are born with a scheduling gate that the operator removes from all of them at once, one gang per device type
at a time; gates cannot come back, so a gang that does not bind in time is deleted and planned again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from heterosched.constants import GATE_GANG
from heterosched.kube.objects import PodObject
from heterosched_operator.actions import ReleaseGang
from heterosched_operator.progress import Observation, Sight

Member = tuple[str, str]
"""UID of the HeteroJob, task."""


def members(sight: Sight) -> list[PodObject]:
    """The living pods of the open attempt."""
    return [pod for pod in sight.pods if not pod.finished and pod.metadata.deletion_timestamp is None]


def gated(pod: PodObject) -> bool:
    """Whether our gate still holds the pod."""
    return GATE_GANG in pod.gates


def released(sight: Sight) -> bool:
    """Whether the gate has been removed from a member: there is no way back."""
    return any(not gated(pod) for pod in members(sight))


def bound(sight: Sight) -> bool:
    """Whether every worker has a node."""
    found = [pod for pod in sight.pods if pod.spec.node_name]
    return len(found) >= len(sight.record.workers)


def forming(sight: Sight) -> bool:
    """Whether members are still missing."""
    return len(members(sight)) < len(sight.record.workers)


def turns(observations: Iterable[Observation], priorities: Mapping[str, int]) -> frozenset[Member]:
    """The gangs that may be released now: per device type the one that is under way, else the first complete one.

    Order: priority of the job, then its age, then its name.
    """
    under_way: dict[str, Member] = {}
    complete: list[tuple[int, str, str, str, Member]] = []
    for observation in observations:
        job = observation.job
        for task in job.spec.tasks:
            sight = observation.sights.get(task.name)
            if sight is None or not task.workers.gang or sight.child is None or not sight.record.job_name:
                continue
            member, pool = (job.metadata.uid, task.name), sight.record.planned.device
            if released(sight) and not bound(sight) and not sight.stopping:
                under_way.setdefault(pool, member)
            elif not released(sight) and not forming(sight) and not sight.stopping:
                rank = -priorities.get(job.spec.priority_class_name, 0)
                complete.append((rank, job.metadata.creation_timestamp or "", job.key, pool, member))
    chosen = dict(under_way)
    for _, _, _, pool, member in sorted(complete):
        chosen.setdefault(pool, member)
    return frozenset(chosen.values())


def release(sight: Sight, has_turn: bool) -> ReleaseGang | None:
    """The removal of our gate from every member that still has it; a release that was cut short is always completed."""
    if sight.child is None or sight.stopping:
        return None
    waiting = [pod for pod in members(sight) if gated(pod)]
    if not waiting or not (released(sight) or (has_turn and not forming(sight))):
        return None
    pods = tuple(
        (pod.metadata.name, pod.metadata.uid, tuple(gate for gate in pod.gates if gate != GATE_GANG)) for pod in waiting
    )
    return ReleaseGang(sight.child.metadata.uid, pods)

"""Gangs: all workers of a task start together or none.

Their pods are born with a scheduling gate that the operator removes from all of them at once, one gang per device type
at a time; gates cannot come back, so a gang that does not bind in time is deleted and planned again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from heterosched.constants import GATE_GANG
from heterosched.kube.objects import PodObject
from heterosched.model import CPU, Node
from heterosched_operator.actions import ReleaseGang
from heterosched_operator.sight import Observation, Sight, succeeded_indices, worker_index

Member = tuple[str, str]
"""UID of the HeteroJob, task."""


def members(sight: Sight) -> list[PodObject]:
    """The living pods of the open attempt."""
    return [pod for pod in sight.pods if not pod.finished and pod.metadata.deletion_timestamp is None]


def gated(pod: PodObject) -> bool:
    """Whether our gate still holds the pod."""
    return GATE_GANG in pod.gates


def released(sight: Sight) -> bool:
    """Whether the gate has ever been removed from a pod of the attempt: there is no way back.

    Pods that have ended tell it as well, and so do finished indices: nobody has to remember it over a restart.
    """
    return bool(succeeded_indices(sight)) or any(not gated(pod) for pod in sight.pods)


def unfinished(sight: Sight) -> set[int]:
    """Indices of the workers that have not succeeded: those that a pod is needed for."""
    child = sight.child
    size = (child.spec.completions if child is not None else None) or len(sight.record.workers)
    return set(range(size)) - succeeded_indices(sight)


def bound(sight: Sight) -> bool:
    """Whether every worker that has not finished has a living pod with a node."""
    return unfinished(sight) <= {worker_index(pod) for pod in members(sight) if pod.spec.node_name}


def forming(sight: Sight) -> bool:
    """Whether pods of workers that have not finished are still missing."""
    return not unfinished(sight) <= {worker_index(pod) for pod in members(sight)}


def waits_to_bind(sight: Sight) -> bool:
    """Whether the time within which a released gang must be bound is running.

    It stands still, and starts anew, when a member is replaced: its pod has to end, the Job controller backs off before
    it makes another one, and that is born gated. Once a worker has finished there is no going back to the start, so
    nothing is taken away any more.
    """
    if sight.child is None or not released(sight) or bound(sight) or succeeded_indices(sight):
        return False
    return not forming(sight) and not any(gated(pod) for pod in members(sight))


def bind_clocks(known: Mapping[str, float], observations: Iterable[Observation], now: float) -> dict[str, float]:
    """Since when (epoch seconds) each released gang waits to be bound, by UID of its Job; `known`: the same before.

    The operator's memory only: after a restart a gang has its whole time again.
    """
    waiting = (sight for own in observations for sight in own.sights.values() if waits_to_bind(sight))
    uids = (sight.child.metadata.uid for sight in waiting if sight.child is not None)
    return {uid: known.get(uid, now) for uid in uids}


def turns(
    observations: Iterable[Observation], priorities: Mapping[str, int], nodes: Mapping[str, Node]
) -> frozenset[Member]:
    """The gangs that may be released now: per device type the one that is under way, else the first complete one.

    Order: priority of the job, then its age, then its name. A gang whose workers are of several device types needs the
    turn of all of them; `nodes` by name tell which these are.
    """
    busy: set[str] = set()
    chosen: set[Member] = set()
    complete: list[tuple[int, str, str, Member, frozenset[str]]] = []
    for observation in observations:
        job = observation.job
        for task in job.spec.tasks:
            sight = observation.sights.get(task.name)
            if sight is None or not task.workers.gang or sight.child is None or not sight.record.job_name:
                continue
            member, pools = (job.metadata.uid, task.name), _pools(sight, nodes)
            if released(sight) and not bound(sight) and not sight.stopping:
                if not succeeded_indices(sight) and not forming(sight):  # else a worker is replaced: that may take long
                    busy |= pools
                    chosen.add(member)
            elif not released(sight) and not forming(sight) and not sight.stopping:
                rank = -priorities.get(job.spec.priority_class_name, 0)
                complete.append((rank, job.metadata.creation_timestamp or "", job.key, member, pools))
    for _, _, _, member, pools in sorted(complete, key=lambda own: own[:4]):
        if not pools & busy:
            chosen.add(member)
        busy |= pools  # one that waits for one of its types keeps later ones from the others
    return frozenset(chosen)


def _pools(sight: Sight, nodes: Mapping[str, Node]) -> frozenset[str]:
    """The device types that the gang takes."""
    device = sight.record.planned.device
    planned = {worker.planned_node for worker in sight.record.workers}
    mixed = {nodes[name].device for name in planned if name in nodes} if device != CPU else set()
    return frozenset({device, *mixed})


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

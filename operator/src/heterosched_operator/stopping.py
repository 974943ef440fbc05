"""Why an open attempt is stopped, and which tasks never start. A stop is persisted as the record's reason first."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec.structs import replace

from heterosched.api import HeteroJob, TaskSpec
from heterosched.api.status import Condition, TaskStatus
from heterosched.errors import InvalidInput
from heterosched.kube.convert import moment
from heterosched.model import CPU
from heterosched.planning.progress import MOST_DONE
from heterosched.planning.types import JobPlan, Restart
from heterosched.units import format_duration, format_quantity, parse_time
from heterosched_operator import gangs
from heterosched_operator.acceptance import probe_key
from heterosched_operator.children import template_hash
from heterosched_operator.conditions import TEMPLATE_REFUSED
from heterosched_operator.leaving import begun, left_by
from heterosched_operator.sight import (
    FINAL,
    STOP_DEADLINE,
    STOP_DISRUPTIONS,
    STOP_GANG,
    STOP_NODES,
    STOP_RESIZED,
    STOP_SUSPENDED,
    Observation,
    Sight,
    dependencies,
    disruptions,
)
from heterosched_operator.steering import allowed_devices
from heterosched_operator.world import World

DEPENDENCY_FAILED: Final = "DependencyFailed"
NOT_CREATED: Final = "JobNotCreated"
"""The API server does not let the Job be created: its name is taken, a quota is used up, the namespace ends."""


def stopped(
    observation: Observation, records: dict[str, TaskStatus], plan: JobPlan, world: World
) -> dict[str, TaskStatus]:
    """The records with the reason to stop set on every open attempt that has one."""
    overdue = past_active_deadline(observation, world)
    tasks = {task.name: task for task in observation.job.spec.tasks}
    found, may_start = dict(records), not observation.job.spec.suspend
    for name, record in records.items():
        sight = observation.sights[name]
        if record.state in FINAL:
            continue
        if not record.job_name:
            if overdue:
                found[name] = replace(record, state="Skipped", reason=STOP_DEADLINE, message=overdue)
            continue
        if sight.stopping:
            continue
        found[name] = _closed_before_its_job(record, sight, tasks.get(name), observation, world)
        if found[name].job_name:
            why = _reason_to_stop(sight, tasks.get(name), observation, world, overdue)
            if why is not None:
                found[name] = replace(found[name], reason=why[0], message=why[1])
            elif name in plan.restarts and record.state == "Running" and sight.child is not None and may_start:
                found[name] = _resized(found[name], plan.restarts[name], world)
    return found


def _resized(record: TaskStatus, restart: Restart, world: World) -> TaskStatus:
    """The record of a training that is stopped to be run with another size, with what it has done so far.

    How far it is, nobody tells: the plan's speed does, and the last percent is never counted as done.
    """
    done = float(record.done_share) if record.done_share else 0.0
    if record.actual.start and record.planned.seconds and float(record.planned.seconds) > 0:
        ran = (world.now - parse_time(record.actual.start)) / float(record.planned.seconds)
        done += (1.0 - done) * min(max(ran, 0.0), 1.0)
    old, new = len(record.workers), restart.assignment.option
    message = (
        f"resized from {old} to {new.workers} workers ({new.device}): all training that is sized with it ends "
        f"{format_duration(round(restart.gain_seconds))} sooner in sum, its restarts cost "
        f"{format_duration(round(restart.cost_seconds))}; it goes on from the state that it saves"
    )
    return replace(
        record,
        reason=STOP_RESIZED,
        message=message,
        done_share=format_quantity(min(done, MOST_DONE), 4),
        kept_nodes=list(restart.assignment.nodes),
        planned=replace(record.planned, device=new.device, seconds=format_quantity(new.seconds)),
    )


def _closed_before_its_job(
    record: TaskStatus, sight: Sight, task: TaskSpec | None, observation: Observation, world: World
) -> TaskStatus:
    """An attempt whose Job was never created ends without a trace when its template was refused, edited or removed."""
    job = observation.job
    key = job.metadata.uid, record.name, record.attempt
    if task is None or sight.child is not None or sight.leftovers or record.state != "Created":
        return record
    if key not in world.absent:
        trouble = world.troubles.get(key)
        return replace(record, reason=NOT_CREATED, message=trouble) if trouble else record
    refused = world.refusals.get((job.metadata.uid, probe_key(job, task, record.planned.device)))
    if refused:
        return replace(record, state="Waiting", reason=TEMPLATE_REFUSED, message=refused, job_name="", workers=[])
    if edited(job, task, record):
        return replace(record, state="Waiting", reason="", message="", job_name="", workers=[])
    return record


def edited(job: HeteroJob, task: TaskSpec, record: TaskStatus) -> bool:
    """Whether the task is no longer what its attempt was persisted for."""
    try:
        return record.template_hash not in ("adopted", template_hash(job, task))
    except InvalidInput:  # its template has been removed
        return True


def _reason_to_stop(
    sight: Sight, task: TaskSpec | None, observation: Observation, world: World, overdue: str
) -> tuple[str, str] | None:
    if overdue:
        return STOP_DEADLINE, overdue
    job = observation.job
    if job.spec.suspend and not (left_by(job) and begun(job, sight.record.name, sight)):
        return STOP_SUSPENDED, "the job is suspended; the task starts anew when it is resumed"
    if disruptions(sight) > world.rules.free_retries:
        return STOP_DISRUPTIONS, f"its pods were disrupted more than {world.rules.free_retries} times"
    if task is None or sight.child is None:
        return None
    if task.workers.gang and gangs.waits_to_bind(sight):
        since = world.releases.get(sight.child.metadata.uid)
        if since is not None and world.now - since >= world.rules.release_timeout:
            span = format_duration(world.rules.release_timeout)
            return STOP_GANG, f"not all workers were bound within {span} of their release; planned again"
    row = world.policies.get(observation.job.spec.policy)
    brought = row.autoscaled if row is not None else ()
    return _nodes_gone(sight, task, brought, world) if sight.record.state == "Created" else None


def _nodes_gone(sight: Sight, task: TaskSpec, brought: Collection[str], world: World) -> tuple[str, str] | None:
    """An attempt that nothing was bound of, and whose planned nodes or whole device type have left the cluster."""
    child = sight.child
    created = moment(child.metadata.creation_timestamp, f"Job {child.key}") if child is not None else None
    if any(pod.spec.node_name for pod in sight.pods) or created is None or world.now - created < world.rules.bind_grace:
        return None
    planned = {worker.planned_node for worker in sight.record.workers if worker.planned_node}
    if planned and not any(node in world.nodes for node in planned):
        return STOP_NODES, f"planned node {', '.join(sorted(planned))} is gone; planned again"
    allowed = allowed_devices(task, sight.record.planned.device)
    coming = any(device in brought for device in allowed)
    if allowed and CPU not in allowed and not coming and not any(world.device_nodes.get(name) for name in allowed):
        return STOP_NODES, f"no node offers {', '.join(allowed)} any more; planned again"
    return None


def past_active_deadline(observation: Observation, world: World) -> str:
    """Why everything has to stop; empty where the active deadline has not passed."""
    limit, start = observation.job.spec.active_deadline_seconds, observation.status.start_time
    if limit is None or not start or world.now < parse_time(start) + limit:
        return ""
    return f"the job was active for more than its {limit} s (spec.activeDeadlineSeconds)"


def swept(observation: Observation, records: dict[str, TaskStatus], verdict: Condition) -> dict[str, TaskStatus]:
    """The records with every task skipped that depends on one which has failed for good; the others go on.

    Tasks that were removed from the spec before they started disappear.
    """
    tasks = observation.job.spec.tasks
    found = {name: record for name, record in records.items() if record.template_hash or _named(name, tasks)}
    if not any(record.state in ("Failed", "Skipped") for record in found.values()):
        return found
    changed = True
    while changed:
        changed = False
        for task in tasks:
            record = found[task.name]
            lost = [name for name in dependencies(task) if name in found and found[name].state in ("Failed", "Skipped")]
            if lost and record.state not in FINAL and not record.job_name:
                message = f"task {lost[0]} did not succeed ({found[lost[0]].reason})"
                found[task.name] = replace(record, state="Skipped", reason=DEPENDENCY_FAILED, message=message)
                changed = True
    return found


def _named(name: str, tasks: list[TaskSpec]) -> bool:
    return any(task.name == name for task in tasks)

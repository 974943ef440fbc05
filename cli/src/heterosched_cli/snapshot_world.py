"""From a snapshot to what the planner is asked: the same question that the operator asks of the live cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from heterosched.api import HeteroJob
from heterosched.api.status import HeteroJobStatus, TaskStatus, status_of
from heterosched.constants import LABEL_JOB, LABEL_TASK
from heterosched.kube.convert import Problems, demand_of, to_node
from heterosched.kube.objects import PodObject
from heterosched.kube.topology import to_topology
from heterosched.model import NO_TELEMETRY, Cluster, DeviceTable
from heterosched.planning.types import JobState, PlanRequest, TaskProgress
from heterosched.policy.table import PolicyRow
from heterosched.units import parse_time
from heterosched_cli.live_objects import reservations_of
from heterosched_cli.live_telemetry import telemetry_of
from heterosched_cli.output import warn
from heterosched_cli.snapshot import Snapshot

FINAL = ("Succeeded", "Failed", "Skipped")
JobKey = tuple[str, str]


def request_of(snapshot: Snapshot, policies: Mapping[str, PolicyRow], table: DeviceTable) -> PlanRequest:
    """All HeteroJobs that have not ended, on the snapshot's nodes, at its time."""
    problems = Problems()
    nodes = tuple(to_node(node, problems, table) for node in snapshot.nodes)
    by_job: dict[JobKey, list[PodObject]] = {}
    for pod in snapshot.pods:
        by_job.setdefault((pod.metadata.namespace, pod.labels.get(LABEL_JOB, "")), []).append(pod)
    states = {job.key: state for job in snapshot.hetero_jobs if (state := _state(job, snapshot, by_job)) is not None}
    known = {(own.job.metadata.namespace, own.job.metadata.name) for own in states.values()}
    others = (pod for key, pods in by_job.items() if key not in known for pod in pods)
    held = reservations_of(others, {node.name: node.device for node in nodes}, snapshot.at, problems)
    zones = (to_topology(own, problems, snapshot.at) for own in snapshot.topologies)
    topologies = {own.node: own for own in zones if own is not None}
    return PlanRequest(
        jobs=list(states.values()),
        cluster=Cluster(nodes, tuple(held), devices=table, topologies=topologies),
        now=snapshot.at,
        policies=policies,
        profiles={(own.metadata.namespace, own.metadata.name): own for own in snapshot.throughput_profiles},
        telemetry=NO_TELEMETRY if snapshot.devices is None else telemetry_of(snapshot.devices, snapshot.at),
    )


def _state(job: HeteroJob, snapshot: Snapshot, pods: Mapping[JobKey, Iterable[PodObject]]) -> JobState | None:
    """None where the job has ended, is being deleted or has a status that nobody can read."""
    try:
        status = status_of(job)
    except msgspec.ValidationError as error:
        warn(f"{job.label}: its status cannot be read, left out: {error}")
        return None
    if job.metadata.deletion_timestamp is not None or status.is_true("Completed") or status.is_true("Failed"):
        return None
    own = tuple(pods.get((job.metadata.namespace, job.metadata.name), ()))
    progress = dict(_progress(status, own))
    accepted = status.condition("Accepted")
    priority = snapshot.priorities.get(job.spec.priority_class_name, 0)
    return JobState(job, progress, priority, holds=accepted is None or accepted.status != "False")


def _progress(status: HeteroJobStatus, pods: Iterable[PodObject]) -> Iterator[tuple[str, TaskProgress]]:
    for record in status.tasks:
        own = [pod for pod in pods if pod.labels.get(LABEL_TASK) == record.name and pod.spec.node_name]
        yield record.name, _of_task(record, own)


def _of_task(record: TaskStatus, pods: Iterable[PodObject]) -> TaskProgress:
    """Where a task stands by its status alone, with what its pods hold."""
    nodes = tuple(worker.node for worker in record.workers if worker.node)
    devices = [worker.device for worker in record.workers if worker.device]
    taken = tuple((pod.spec.node_name, demand_of(pod)) for pod in pods if not pod.finished)
    done = float(record.done_share or 0)
    if record.state not in FINAL and not record.job_name:
        return TaskProgress(variant=record.variant, taken=taken, done=done)
    sized = any(worker.share is not None for worker in record.workers) and record.planned.seconds
    return TaskProgress(
        state=record.state if record.state in (*FINAL, "Running") else "Created",  # type: ignore[arg-type]
        device=devices[0] if devices else record.planned.device,
        variant=record.variant,
        nodes=nodes,
        workers=max(1, len(record.workers)),
        start=_moment(record.actual.start) or _moment(record.planned.start),
        finish=_moment(record.actual.finish) if record.state in FINAL else None,
        planned=tuple(worker.planned_node for worker in record.workers if worker.planned_node),
        taken=taken,
        done=done,
        seconds=float(record.planned.seconds) if sized else None,
        cap_watts=float(record.planned.power_cap_watts or 0),
    )


def _moment(text: str) -> float | None:
    return parse_time(text) if text else None

"""Where each task stands: the persisted record of its attempt, moved on by what is seen of its Job and pods.

An attempt is open while its record names a Job. It is closed only when Job and pods are gone or finished, so that two
attempts of one task never live at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from heterosched.api import HeteroJob
from heterosched.api.status import Actual, HeteroJobStatus, TaskStatus, Worker
from heterosched.kube.convert import demand_of, moment, run_span
from heterosched.kube.objects import JobObject, PodObject, condition
from heterosched.model import CPU
from heterosched.planning.due import WAITING_FOR_DEVICE
from heterosched.planning.types import TaskProgress
from heterosched.units import format_quantity, format_time, parse_time
from heterosched_operator.retries import Failure, judge
from heterosched_operator.sight import (
    BACK_OFF,
    BACKOFF_LIMIT,
    DISRUPTED_TOO_OFTEN,
    FAILED_BY_POLICY,
    FINAL,
    JOB_COMPLETED,
    JOB_LOST,
    JOB_PERSISTED,
    PODS_NOT_CREATED,
    PODS_RUNNING,
    STOP_DEADLINE,
    STOP_DISRUPTIONS,
    STOP_RESIZED,
    STOP_SUSPENDED,
    STOPPING,
    Observation,
    Sight,
    complete,
    failed,
    podless_since,
    retry_at,
    worker_index,
)
from heterosched_operator.world import Rules, World, attempt_of, controller_uid


def observe(job: HeteroJob, status: HeteroJobStatus, world: World) -> Observation:
    """Everything that is seen of the job's tasks, with their records moved on."""
    known = {record.name: record for record in status.tasks}
    names = [task.name for task in job.spec.tasks]
    names += [name for name, record in known.items() if name not in names and record.template_hash]
    children: dict[str, list[JobObject]] = {}
    for child in world.children.get(job.metadata.uid, ()):
        children.setdefault(attempt_of(child)[1], []).append(child)
    pods: dict[str, list[PodObject]] = {}
    for pod in world.pods.get((job.metadata.namespace, job.metadata.name), ()):
        pods.setdefault(attempt_of(pod)[1], []).append(pod)
    sights = {}
    for name in names:
        sight = _sight(known.get(name, TaskStatus(name=name)), children.get(name, ()), pods.get(name, ()))
        sights[name] = _advanced(sight, job, world)
    return Observation(job, status, sights)


def _sight(record: TaskStatus, children: Iterable[JobObject], pods: Iterable[PodObject]) -> Sight:
    children = sorted(children, key=lambda child: attempt_of(child)[2])
    if children and not record.template_hash:
        # The status was lost (edited, restored from a backup): the newest Job tells which attempt is the current one.
        newest = children[-1]
        record = TaskStatus(
            name=record.name,
            state="Created",
            attempt=attempt_of(newest)[2],
            job_name=newest.metadata.name,
            template_hash="adopted",
        )
    current = next((child for child in children if child.metadata.name == record.job_name), None)
    strays = tuple(child for child in children if child is not current and not _over(child))
    own, leftovers = [], []
    for pod in pods:
        if current is not None and controller_uid(pod) == current.metadata.uid:
            own.append(pod)
        elif not pod.finished:
            leftovers.append(pod)
    return Sight(record, current, tuple(own), tuple(leftovers), strays)


def _over(child: JobObject) -> bool:
    return child.metadata.deletion_timestamp is not None or complete(child) or failed(child)


def _advanced(sight: Sight, job: HeteroJob, world: World) -> Sight:
    if sight.record.state in FINAL or not sight.record.job_name:
        return sight
    record = _moved(sight, job, world)
    return Sight(record, sight.child, sight.pods, sight.leftovers, sight.strays)


def _moved(sight: Sight, job: HeteroJob, world: World) -> TaskStatus:
    record, child = sight.record, sight.child
    if child is None:
        return _childless(sight, (job.metadata.uid, record.name, record.attempt) in world.absent, world)
    record = replace(record, workers=_workers(sight, world))
    if complete(child):
        return _succeeded(record, sight)
    if sight.stopping:
        return record
    if failed(child):
        failure = judge(child, sight.pods, job.spec.failure_policy)
        return after_failure(_timed(record, sight), failure, job.spec.failure_policy.backoff_limit, world)
    if any(pod.spec.node_name for pod in sight.pods):
        running = _timed(record, sight, finished=False)
        return replace(running, state="Running", reason=PODS_RUNNING, message="")
    return _unbound(record, sight, job, world)


def _unbound(record: TaskStatus, sight: Sight, job: HeteroJob, world: World) -> TaskStatus:
    """The Job is there and nothing of it is bound: that is on its way, or waits for a node that an autoscaler has yet
    to bring, or its pods cannot be made.
    """
    if record.state != "Created":
        return record
    answer = world.podless.get((job.metadata.uid, record.name, record.attempt))
    if answer is not None and podless_since(sight, world.rules) is not None:
        return replace(record, reason=PODS_NOT_CREATED, message=answer.message)
    return record if record.reason == WAITING_FOR_DEVICE else replace(record, reason=JOB_PERSISTED, message="")


def _childless(sight: Sight, absent: bool, world: World) -> TaskStatus:
    """The Job is not seen: not created yet, or gone, or the watch lags. While pods live, and as long as the API server
    has not been asked (`absent`), nothing is concluded.
    """
    record = sight.record
    if sight.leftovers or not absent:
        return record
    if record.reason in STOPPING:
        return _stopped(record, world)
    if record.state == "Running":
        return after_failure(
            record,
            Failure("Free", JOB_LOST, f"somebody deleted Job {record.job_name} while it ran"),
            backoff_limit=0,
            world=world,
        )
    return record


def _stopped(record: TaskStatus, world: World) -> TaskStatus:
    closed = replace(record, job_name="", workers=[], actual=Actual())
    if record.reason in (STOP_DEADLINE, STOP_DISRUPTIONS):
        return replace(closed, state="Failed")
    if record.reason in (STOP_SUSPENDED, STOP_RESIZED):
        return replace(closed, state="Waiting")
    return replace(closed, state="Waiting", actual=Actual(finish=format_time(world.now)))


def _succeeded(record: TaskStatus, sight: Sight) -> TaskStatus:
    done = _timed(record, sight)
    return replace(done, state="Succeeded", reason=JOB_COMPLETED, message="", job_name="")


def after_failure(record: TaskStatus, failure: Failure, backoff_limit: int, world: World) -> TaskStatus:
    """The record after a failed attempt: failed for good, or waiting for its next one."""
    failures = record.failures + (failure.verdict == "Count")
    free = record.free_retries + (failure.verdict == "Free")
    over = replace(
        record,
        job_name="",
        workers=[],
        failures=failures,
        free_retries=free,
        actual=replace(record.actual, finish=record.actual.finish or format_time(world.now)),
    )
    what = f"attempt {record.attempt}: {failure.message}"
    if failure.verdict == "FailTask":
        return replace(over, state="Failed", reason=FAILED_BY_POLICY, message=what)
    if failure.verdict == "Count" and failures > backoff_limit:
        return replace(
            over, state="Failed", reason=BACKOFF_LIMIT, message=f"{failures} attempts failed; the last, {what}"
        )
    if free > world.rules.free_retries:
        message = f"{free} attempts were disrupted; the last, {what}"
        return replace(over, state="Failed", reason=DISRUPTED_TOO_OFTEN, message=message)
    return replace(over, state="Waiting", reason=BACK_OFF, message=f"{what}; it is tried again")


def progress_of(sight: Sight, rules: Rules) -> TaskProgress:
    """The task as the planner sees it."""
    record = sight.record
    if record.state in FINAL:
        return TaskProgress(
            state=record.state,  # type: ignore[arg-type]
            device=record.planned.device,
            variant=record.variant,
            nodes=tuple(worker.node for worker in record.workers if worker.node),
            workers=max(1, len(record.workers)),
            start=_moment(record.actual.start),
            finish=_moment(record.actual.finish),
            cap_watts=float(record.planned.power_cap_watts or 0),
        )
    taken = tuple((pod.spec.node_name, demand_of(pod)) for pod in sight.pods if pod.spec.node_name and not pod.finished)
    if not record.job_name:
        return TaskProgress(
            variant=record.variant,
            not_before=retry_at(record, rules),
            taken=taken,
            done=_done(record),
            seconds=_planned_seconds(record) if record.kept_nodes else None,
            kept=tuple(record.kept_nodes),
        )
    nodes = tuple(worker.node for worker in record.workers if worker.node)
    devices = [worker.device for worker in record.workers if worker.device]
    created = sight.child.metadata.creation_timestamp if sight.child is not None else None
    return TaskProgress(
        state="Running" if record.state == "Running" else "Created",
        device=devices[0] if devices else record.planned.device,
        variant=record.variant,
        nodes=nodes,
        workers=max(1, len(record.workers)),
        start=_moment(record.actual.start) or _moment(created or "") or _moment(record.planned.start),
        planned=tuple(worker.planned_node for worker in record.workers if worker.planned_node),
        taken=taken,
        done=_done(record),
        seconds=_planned_seconds(record),
        kept=tuple(record.kept_nodes),
        cap_watts=float(record.planned.power_cap_watts or 0),
    )


def _planned_seconds(record: TaskStatus) -> float | None:
    """The run time that a training was planned with: for its very workers, between which the batch is split."""
    sized = any(worker.share is not None for worker in record.workers) or record.kept_nodes
    return float(record.planned.seconds) if sized and record.planned.seconds else None


def _done(record: TaskStatus) -> float:
    return float(record.done_share) if record.done_share else 0.0


def _moment(text: str) -> float | None:
    return parse_time(text) if text else None


def _workers(sight: Sight, world: World) -> list[Worker]:
    """The persisted workers with the node and device that each is seen on (the newest pod of an index counts)."""
    seen: dict[int, PodObject] = {}
    for pod in sorted(sight.pods, key=lambda pod: pod.metadata.creation_timestamp or ""):
        index = worker_index(pod)
        if index is not None:
            seen[index] = pod
    planned = {worker.index: worker for worker in sight.record.workers}
    workers = []
    for number in sorted(planned.keys() | seen.keys()):
        worker = planned.get(number, Worker(index=number))
        node = seen[number].spec.node_name if number in seen else worker.node
        device = _device(seen[number], world) if number in seen and node else worker.device
        workers.append(replace(worker, node=node, device=device))
    return workers


def _device(pod: PodObject, world: World) -> str:
    node = world.nodes.get(pod.spec.node_name)
    return node.device if node is not None and demand_of(pod).gpus > 0 else CPU


def _timed(record: TaskStatus, sight: Sight, finished: bool = True) -> TaskStatus:
    """The record with its actual times, as far as pods and Job tell them."""
    starts = [start for pod in sight.pods if (start := _started(pod)) is not None]
    start = min(starts, default=None) or _moment(record.actual.start)
    if not finished:
        return replace(record, actual=Actual(start=format_time(start) if start is not None else ""))
    ends = [span[1] for pod in sight.pods if (span := run_span(pod)) is not None]
    finish = max(ends, default=None) or _ended(sight.child)
    if start is None or finish is None:
        return replace(record, actual=Actual(finish=format_time(finish) if finish is not None else ""))
    seconds = format_quantity(max(0.0, finish - start))
    return replace(record, actual=Actual(start=format_time(start), finish=format_time(finish), seconds=seconds))


def _started(pod: PodObject) -> float | None:
    found = []
    for status in pod.status.container_statuses or ():
        state = status.state
        shown = (state.running or state.terminated) if state is not None else None
        if shown is not None and shown.started_at:
            found.append(moment(shown.started_at, f"Pod {pod.key}"))
    return min((start for start in found if start is not None), default=None)


def _ended(child: JobObject | None) -> float | None:
    if child is None:
        return None
    over = condition(child.status.conditions, "Failed") or condition(child.status.conditions, "Complete")
    text = child.status.completion_time or (over.last_transition_time if over is not None else None)
    return moment(text, f"Job {child.key}")

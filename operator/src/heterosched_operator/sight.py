"""What is seen of a task: its persisted record, its open attempt's Job and pods; and the reasons a record can have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from heterosched.api import HeteroJob, TaskSpec
from heterosched.api.status import HeteroJobStatus, TaskStatus
from heterosched.constants import LABEL_COMPLETION_INDEX
from heterosched.kube.convert import moment
from heterosched.kube.objects import JobObject, PodObject, condition
from heterosched.units import parse_time
from heterosched_operator.retries import disrupted, retry_delay
from heterosched_operator.world import Rules, World, attempt_of, controller_uid

FINAL: Final = frozenset({"Succeeded", "Failed", "Skipped"})
STARTED: Final = frozenset({"Created", "Running", "Succeeded"})
"""States in which an edit of the task comes too late."""

# Reasons of a task, besides those of `retries` (ExitCode, Disrupted, ...).
JOB_PERSISTED: Final = "JobPersisted"
PODS_NOT_CREATED: Final = "PodsNotCreated"
PODS_RUNNING: Final = "PodsRunning"
JOB_COMPLETED: Final = "JobCompleted"
BACK_OFF: Final = "BackOff"
JOB_LOST: Final = "JobDeleted"
DISRUPTED_TOO_OFTEN: Final = "DisruptedTooOften"
BACKOFF_LIMIT: Final = "BackoffLimitExceeded"
FAILED_BY_POLICY: Final = "FailedByExitCode"

# Reasons under which an open attempt is being stopped; persisted before the Job is deleted.
STOP_SUSPENDED: Final = "Suspended"
STOP_GANG: Final = "GangTimedOut"
STOP_NODES: Final = "PlannedNodesGone"
STOP_DISRUPTIONS: Final = "DisruptedTooOften"
STOP_DEADLINE: Final = "ActiveDeadlineExceeded"
STOP_RESIZED: Final = "Resized"
STOPPING: Final = frozenset({STOP_SUSPENDED, STOP_GANG, STOP_NODES, STOP_DISRUPTIONS, STOP_DEADLINE, STOP_RESIZED})


@dataclass(frozen=True, slots=True)
class Sight:
    """A task's record, and what is seen of its open attempt. `leftovers`: pods of other attempts that still live."""

    record: TaskStatus
    child: JobObject | None = None
    pods: tuple[PodObject, ...] = ()
    leftovers: tuple[PodObject, ...] = ()
    strays: tuple[JobObject, ...] = ()

    @property
    def stopping(self) -> bool:
        """Whether the open attempt is on its way out."""
        return bool(self.record.job_name) and self.record.reason in STOPPING


@dataclass(frozen=True, slots=True)
class Observation:
    """A job, its status as it was read, and every task moved on to what is seen now, in the order of the spec.

    Tasks that were removed from the spec after they had started come last.
    """

    job: HeteroJob
    status: HeteroJobStatus
    sights: dict[str, Sight]

    @property
    def records(self) -> dict[str, TaskStatus]:
        """The tasks' records."""
        return {name: sight.record for name, sight in self.sights.items()}

    @property
    def finished(self) -> bool:
        """Whether the job has its final condition: nothing is planned or done for it any more."""
        return self.status.is_true("Completed") or self.status.is_true("Failed")


def worker_index(pod: PodObject) -> int | None:
    """The completion index of a worker's pod; None where it has none."""
    index = pod.labels.get(LABEL_COMPLETION_INDEX, "") or pod.annotations.get(LABEL_COMPLETION_INDEX, "")
    return int(index) if index.isdecimal() else None


def succeeded_indices(sight: Sight) -> set[int]:
    """Indices of the workers that have finished: by their pods, and by the Job, as pods may have been deleted."""
    found = {worker_index(pod) for pod in sight.pods if pod.status.phase == "Succeeded"}
    spans = sight.child.status.completed_indexes.split(",") if sight.child is not None else []
    for span in filter(None, spans):
        first, _, last = span.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return {index for index in found if index is not None}


def finished_pods(observation: Observation, record: TaskStatus, world: World) -> list[PodObject]:
    """The pods of an attempt that is over, by their labels: its record names no Job any more.

    Pods of an earlier HeteroJob of the same name have other Jobs, so the Job tells them apart as long as it is there.
    """
    job = observation.job.metadata
    attempt = job.name, record.name, record.attempt
    jobs = {child.metadata.uid for child in world.children.get(job.uid, ()) if attempt_of(child) == attempt}
    pods = [pod for pod in world.pods.get((job.namespace, job.name), ()) if attempt_of(pod) == attempt]
    return [pod for pod in pods if not jobs or controller_uid(pod) in jobs]


def complete(child: JobObject) -> bool:
    """Whether the Job has succeeded and all its pods have ended."""
    found = condition(child.status.conditions, "Complete")
    return found is not None and found.status == "True"


def failed(child: JobObject) -> bool:
    """Whether the Job has failed and all its pods have ended."""
    found = condition(child.status.conditions, "Failed")
    return found is not None and found.status == "True"


def podless_since(sight: Sight, rules: Rules) -> float | None:
    """Epoch seconds from which on the lack of pods of a fresh attempt is odd; None where none is missing."""
    child = sight.child
    if child is None or sight.stopping or child.metadata.deletion_timestamp is not None or complete(child):
        return None
    wanted = child.spec.completions or len(sight.record.workers)
    there = {worker_index(pod) for pod in sight.pods if pod.metadata.deletion_timestamp is None}
    created = moment(child.metadata.creation_timestamp, f"Job {child.key}")
    return None if created is None or set(range(wanted)) <= there else created + rules.podless_grace


def disruptions(sight: Sight) -> int:
    """Pods of the open attempt that were disrupted and whose replacement the Job controller makes by itself."""
    return sum(1 for pod in sight.pods if pod.status.phase == "Failed" and disrupted(pod))


def retry_at(record: TaskStatus, rules: Rules) -> float | None:
    """Epoch seconds before which a task may not be tried again; None where nothing holds it back."""
    if record.job_name or record.state in FINAL or not record.actual.finish:
        return None
    retries = record.failures + record.free_retries
    return parse_time(record.actual.finish) + retry_delay(rules, retries or record.attempt + 1)


def opened(record: TaskStatus) -> int:
    """Number of the next attempt."""
    return record.attempt + 1 if record.template_hash else 0


def dependencies(task: TaskSpec) -> tuple[str, ...]:
    """Tasks that must have succeeded before this one: those it names, and those whose outputs it reads."""
    return tuple(dict.fromkeys([*task.depends_on, *(data.from_ for data in task.inputs if data.from_)]))

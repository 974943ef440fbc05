"""What goes into the planner and what comes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from heterosched.api import HeteroJob, ThroughputProfile
from heterosched.errors import HeteroSchedError
from heterosched.model import Cluster, Demand, Schedule, TaskGraph
from heterosched.policy.table import PolicyRow

TaskState = Literal["Waiting", "Created", "Running", "Succeeded", "Failed", "Skipped"]


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """Where a task stands. `nodes` has one entry per worker that is bound; times are epoch seconds, None until known.

    A Created task has its Job; a Running one at least one bound pod. `start` of a Created task is its creation.
    `planned`: the nodes planned at its release, by worker; a Created task holds them as far as it is not bound.
    `taken`: (node, demand) of each bound pod that has not ended; it counts where the spec no longer tells.
    """

    state: TaskState = "Waiting"
    device: str = ""
    variant: str = ""
    nodes: tuple[str, ...] = ()
    workers: int = 1
    start: float | None = None
    finish: float | None = None
    not_before: float | None = None
    planned: tuple[str, ...] = ()
    taken: tuple[tuple[str, Demand], ...] = ()


@dataclass(frozen=True, slots=True)
class JobState:
    """A HeteroJob and how far it has come; tasks that `progress` does not name wait. `priority`: as of its class."""

    job: HeteroJob
    progress: Mapping[str, TaskProgress] = field(default_factory=dict)
    priority: int = 0


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Everything that a plan depends on. `profiles` by (namespace, name); `now` in epoch seconds.

    The cluster's reservations are those of pods that belong to no job in `jobs`; the planner adds the jobs' own.
    `launch_seconds` is the time from creating a task's Job to its containers running, counted for every task.
    `baselines`: keys (see `job_key`) of the jobs whose plan is wanted beside that of `fifo`.
    """

    jobs: Sequence[JobState]
    cluster: Cluster
    now: float
    policies: Mapping[str, PolicyRow]
    profiles: Mapping[tuple[str, str], ThroughputProfile] = field(default_factory=dict)
    launch_seconds: float = 0.0
    baselines: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The plan of one job: assignments of the tasks that are not finished, on a common timeline with the other jobs.

    `missing` names tasks without any estimate: then start and finish order the work but mean no seconds
    (EstimatesMissing), and no figure is derived from them. `held` names tasks that find every node they could use
    held until further notice: their times, and those of the tasks behind them, lie a month or more away and mean
    "when something is freed". `error` is set where the job cannot be planned (bad graph, unknown policy or strategy,
    Unplaceable): then `schedule` is empty and nothing of it may start. `baseline` is the same work by `fifo` on the
    same cluster and cost model. `verdict` begins with Feasible, LateBy, OverBudget or NeedsDevice where the job has a
    deadline or an energy budget, else it is empty.
    """

    strategy: str
    graph: TaskGraph | None = None
    schedule: Schedule = field(default_factory=lambda: Schedule({}))
    baseline: Schedule | None = None
    critical_path: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    error: HeteroSchedError | None = None
    verdict: str = ""


def job_key(job: HeteroJob) -> str:
    """How a job is known to the planner: by its UID, or by namespace and name where it has none yet."""
    return job.metadata.uid or job.key

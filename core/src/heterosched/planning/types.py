"""What goes into the planner and what comes out."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from heterosched.api import HeteroJob, ThroughputProfile
from heterosched.errors import HeteroSchedError
from heterosched.model import NO_TELEMETRY, Assignment, Cluster, Demand, Option, Schedule, TaskGraph, Telemetry
from heterosched.policy.plan_constants import Constant
from heterosched.policy.table import PolicyRow

TaskState = Literal["Waiting", "Created", "Running", "Succeeded", "Failed", "Skipped"]


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """Where a task stands. `nodes` has one entry per worker that is bound; times are epoch seconds, None until known.

    A Created task has its Job; a Running one at least one bound pod. `start` of a Created task is its creation.
    `planned`: the nodes planned at its release, by worker; a Created task holds them as far as it is not bound.
    `taken`: (node, demand) of each bound pod that has not ended; it counts where the spec no longer tells. `done`:
    share of a training's iterations that attempts before this one have done and saved. `seconds`: run time that this
    attempt of a training was planned with for its very workers; None: by their throughput. `kept`: nodes of the next
    attempt, by worker, of a training that is being resized: a Running one is being stopped for it. `cap_watts`: the
    power cap that was advised for its devices, 0 for none.
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
    done: float = 0.0
    seconds: float | None = None
    kept: tuple[str, ...] = ()
    cap_watts: float = 0.0


@dataclass(frozen=True, slots=True)
class JobState:
    """A HeteroJob and how far it has come; tasks that `progress` does not name wait. `priority`: as of its class.

    `holds`: whether its plan takes places from others; one that was refused is told what would be, as a suspended one.
    """

    job: HeteroJob
    progress: Mapping[str, TaskProgress] = field(default_factory=dict)
    priority: int = 0
    holds: bool = True


NOTHING = Demand()


@dataclass(frozen=True, slots=True)
class Quota:
    """A ResourceQuota of a namespace: its hard limits, infinite where it has none, and what is used of them by pods
    that are no task's of the jobs to be planned: those the planner counts itself. `pods`: how many there may be.
    """

    name: str
    hard: Demand
    used: Demand = NOTHING
    pods: float = math.inf
    used_pods: float = 0.0


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Everything that a plan depends on. `profiles` by (namespace, name); `now` in epoch seconds.

    The cluster's reservations are those of pods that belong to no job in `jobs`; the planner adds the jobs' own.
    `launch_seconds` is the time from creating a task's Job to its containers running, counted for every task.
    `baselines`: keys (see `job_key`) of the jobs whose plan is wanted beside that of `fifo`. `previous`: the last plan;
    what waits keeps its place in it unless another is better by more than its policy's `keep_share`. `telemetry`: plans
    go round nodes that are too hot by it. `quotas` by namespace. `may_restart`: running training that allows restarts
    may be sized anew, each restart costing `restart_seconds`.
    """

    jobs: Sequence[JobState]
    cluster: Cluster
    now: float
    policies: Mapping[str, PolicyRow]
    profiles: Mapping[tuple[str, str], ThroughputProfile] = field(default_factory=dict)
    launch_seconds: float = 0.0
    baselines: Collection[str] = ()
    previous: Mapping[str, JobPlan] = field(default_factory=dict)
    telemetry: Telemetry = NO_TELEMETRY
    quotas: Mapping[str, tuple[Quota, ...]] = field(default_factory=dict)
    may_restart: bool = False
    restart_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Point:
    """What one way to run a job amounts to: seconds from now to its last finish, joules of all its tasks."""

    seconds: float
    joules: float


@dataclass(frozen=True, slots=True)
class Restart:
    """Where a running training would better be run, its option without what the restart takes. `gain_seconds`: by how
    much the completion times of all training that is sized together fall in sum, restarts not counted; `cost_seconds`:
    what all those restarts take.
    """

    assignment: Assignment
    gain_seconds: float
    cost_seconds: float


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

    `shares`: of training tasks, the samples of the global batch by worker, in the order of the assignment's nodes.
    `waiting`: why a task starts later than its inputs are there, where it is not simply that its nodes are busy: one of
    the reasons of `planning.due`. `limits`: what holds such a task back by name, where it is a cap or a quota.
    `because`: why a task goes where it goes, for people, without times that pass.
    `frontier`: where a deadline or budget is broken, the best ways that were found, fastest first; `sacrifice`: what
    following the limits has cost all the same. `avoided`: nodes that the plan goes round, with the reason; `cornered`:
    tasks that could use some of these alone, and which. `gap_percent`: how far the sizes of training are from the best
    possible at most. `restarts`: running tasks that would better be stopped and run there. `pending`: tasks that wait
    for a device type that the policy's autoscaler can bring: they are to be created all the same, in this way and
    without a place. `constants`: the columns of the policy table on which the plan rests, by name. `reserved`: it is
    the first in turn that has to wait, and for several nodes or GPUs at once: as long as it does its place is kept free
    for it.
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
    shares: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    because: Mapping[str, str] = field(default_factory=dict)
    frontier: tuple[Point, ...] = ()
    sacrifice: str = ""
    avoided: Mapping[str, str] = field(default_factory=dict)
    cornered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gap_percent: float | None = None
    restarts: Mapping[str, Restart] = field(default_factory=dict)
    pending: Mapping[str, Option] = field(default_factory=dict)
    constants: Mapping[str, Constant] = field(default_factory=dict)
    reserved: bool = False


def job_key(job: HeteroJob) -> str:
    """How a job is known to the planner: by its UID, or by namespace and name where it has none yet."""
    return job.metadata.uid or job.key

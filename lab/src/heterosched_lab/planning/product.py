"""The production planner as a scheduler: every job is a HeteroJob of one gang, planned by `heterosched.planning`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from heterosched.api import HeteroJob
from heterosched.api.heterojob import (
    Deadline,
    HeteroJobSpec,
    Metadata,
    Resources,
    RuntimeOn,
    TaskSpec,
    Template,
    Variant,
    Work,
    Workers,
)
from heterosched.model import CPU
from heterosched.planning.planner import plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest, TaskProgress, job_key
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched.units import format_quantity, format_time
from heterosched_lab.planning.following import Following, Planned
from heterosched_lab.planning.world import EPOCH, cluster_of, expected_seconds, left, options_of
from heterosched_lab.simulate.log import Broken
from heterosched_lab.simulate.types import View

TASK, TEMPLATE, NAMESPACE = "task", "template", "lab"
POD = {"spec": {"containers": [{"name": "main", "image": "lab"}]}}


class PlannerScheduler(Following):
    """Plans as the operator does, with a policy and a strategy ("Auto": what the planner takes by itself).

    `policies`: the table's rows, the built-in ones where none are given. What the last plan has is kept as the planner
    keeps it. Power caps are left out: a HeteroJob takes those from its ThroughputProfile. Raises Broken where the
    planner has no plan for a job.
    """

    def __init__(
        self,
        policy: str = "Performance",
        strategy: str = "Auto",
        *,
        policies: Mapping[str, PolicyRow] = BUILT_IN,
        every: float = 0.0,
        most: int = 250,
        round_seconds: float = 0.0,
    ) -> None:
        super().__init__(f"planner_{policy}_{strategy}".lower(), every=every, most=most, round_seconds=round_seconds)
        self._policy, self._strategy, self._policies = policy, strategy, policies
        self._jobs: dict[int, HeteroJob] = {}
        self._previous: Mapping[str, JobPlan] = {}

    def planned(self, view: View, waiting: Sequence[int]) -> Iterable[Planned]:
        """Ask the planner. Raises Broken."""
        states = {job: self._running(view, job) for job in map(int, view.running)}
        states.update((job, self._waiting(view, job)) for job in waiting)
        request = PlanRequest(
            list(states.values()), cluster_of(view), EPOCH + view.now, self._policies, previous=self._previous
        )
        plans = plan(request)
        self._previous = plans
        index = {node.name: number for number, node in enumerate(view.nodes)}
        for job in waiting:
            found = plans[job_key(states[job].job)]
            if found.error is not None:
                raise Broken(self.name, f"no plan for {view.jobs[job].name}: {found.error}", view.now)
            own = found.schedule.assignments[TASK]
            nodes = tuple(index[node] for node in own.nodes)
            yield Planned(job, nodes, own.start - EPOCH, own.option.cap_watts)

    def _waiting(self, view: View, job: int) -> JobState:
        done = 1.0 - left(view, job)
        progress = {TASK: TaskProgress(done=done)} if done > 0 else {}
        return JobState(self._manifest(view, job), progress)

    def _running(self, view: View, job: int) -> JobState:
        """It began as long ago as would have made its progress: so it is expected to end when the rest is done."""
        nodes = tuple(view.nodes[node].name for node in view.placed[job])
        device = view.nodes[view.placed[job][0]].device
        began = EPOCH + view.now - expected_seconds(view, job) * (1.0 - left(view, job))
        progress = TaskProgress("Running", device, device, nodes, len(nodes), began)
        return JobState(self._manifest(view, job), {TASK: progress})

    def _manifest(self, view: View, job: int) -> HeteroJob:
        """The job as its owner would have written it, made once."""
        if job not in self._jobs:
            self._jobs[job] = _manifest(view, job, self._policy, self._strategy)
        return self._jobs[job]


def _manifest(view: View, job: int, policy: str, strategy: str) -> HeteroJob:
    own = view.jobs[job]
    ways = [option for option in options_of(view, job) if not option.cap_watts]
    runs = [RuntimeOn(device=way.device, seconds=_number(way.seconds), watts=_number(way.watts)) for way in ways]
    task = TaskSpec(
        name=TASK,
        template_ref=TEMPLATE,
        variants=[Variant(devices=[way.device], name=way.device, resources=_resources(way.device)) for way in ways],
        workers=Workers(min=own.workers, max=own.workers, gang=True),
        work=Work(runtime_on=runs),
    )
    deadline = Deadline(at=format_time(EPOCH + own.deadline)) if own.deadline < math.inf else None
    created = format_time(EPOCH + own.arrival)
    name = f"job-{job:07d}"
    return HeteroJob(
        metadata=Metadata(name=name, namespace=NAMESPACE, uid=name, creation_timestamp=created),
        spec=HeteroJobSpec(
            tasks=[task],
            templates=[Template(name=TEMPLATE, template=POD)],
            policy=policy,
            strategy=strategy,
            deadline=deadline,
        ),
    )


def _resources(device: str) -> Resources:
    return Resources(requests={"cpu": "1"}) if device == CPU else Resources(limits={"nvidia.com/gpu": "1"})


def _number(value: float) -> str:
    return format_quantity(value, 6)

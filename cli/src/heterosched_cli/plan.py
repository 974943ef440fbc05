"""`heterosched plan`: the planner's answer for jobs that need not exist yet, on the nodes of a file or of a cluster."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as with_fields
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from heterosched.api import HeteroJob, SchedulingPolicy, ThroughputProfile
from heterosched.errors import InvalidInput
from heterosched.model import NO_TELEMETRY, Cluster, Telemetry
from heterosched.planning.doubts import IN_CLUSTER, Sought, doubts
from heterosched.planning.planner import plan
from heterosched.planning.priorities import check_priority_classes
from heterosched.planning.types import JobState, PlanRequest, job_key
from heterosched.planning.verdict import deadline_of
from heterosched.policy.hooks import known_rows
from heterosched.policy.table import PolicyRow, row_of
from heterosched.units import format_time
from heterosched_cli.decode import decode
from heterosched_cli.files import Document, read_documents, title_of
from heterosched_cli.kubeconfig import DEFAULT, namespace_of
from heterosched_cli.output import Format, note, warn
from heterosched_cli.places import Extenders
from heterosched_cli.plan_view import PlannedJob, write_plans

Named = TypeVar("Named", HeteroJob, ThroughputProfile)
KINDS = ("HeteroJob", "ThroughputProfile", "SchedulingPolicy")

UNPLANNED = 1
"""Exit code: a job cannot be planned, or the cluster would refuse it."""
UNKEPT = 3
"""Exit code: all jobs are planned, and the plan does not keep a deadline or an energy budget."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """The objects of the user's files."""

    jobs: tuple[HeteroJob, ...]
    profiles: tuple[ThroughputProfile, ...]
    policies: tuple[SchedulingPolicy, ...]


@dataclass(frozen=True, slots=True)
class World:
    """The cluster, and what it knows of profiles and policies, and what is measured of its nodes. `priorities`: names
    of its priority classes, None where nobody knows them.
    """

    cluster: Cluster
    profiles: tuple[ThroughputProfile, ...] = ()
    policies: tuple[SchedulingPolicy, ...] = ()
    telemetry: Telemetry = NO_TELEMETRY
    priorities: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class PlanCommand:
    """The options of the command; empty ones are not given."""

    files: Sequence[Path]
    cluster: Path | None
    policy: str
    strategy: str
    namespace: str
    kubeconfig: Path | None
    context: str
    plot: Path | None = None
    extenders: Extenders = field(default_factory=Extenders)

    def run(self, format: Format) -> int:
        """Print the plan and return the exit code. Raises InvalidInput, Unavailable."""
        now = float(round(time.time()))
        offline = self.cluster is not None
        namespace = self.namespace or (DEFAULT if offline else namespace_of("", self.kubeconfig, self.context))
        given = read_manifests(self.files, namespace)
        world = self._world(given, now)
        jobs = tuple(self._as_asked(job, now) for job in given.jobs)
        rows = policy_rows((*world.policies, *given.policies))
        request = PlanRequest(
            jobs=[JobState(job) for job in jobs],
            cluster=world.cluster,
            now=now,
            policies=rows,
            profiles={(p.metadata.namespace, p.metadata.name): p for p in (*world.profiles, *given.profiles)},
            baselines=frozenset(job_key(job) for job in jobs),
            telemetry=world.telemetry,
        )
        plans = plan(request)
        known = ((job, plans[job_key(job)], rows.get(job.spec.policy)) for job in jobs)
        planned = [PlannedJob(job, own, row, now, world.telemetry) for job, own, row in known]
        write_plans(planned, format)
        if self.plot is not None:
            self._draw(planned, self.plot)
        for job in planned:
            for doubt in doubts(job.job, job.plan.graph, world.cluster, self._sought(job.job)):
                warn(f"{job.job.label}: {doubt}")
            for problem in problems(job, world.priorities):
                note(f"error: {problem}")
        return exit_code(planned, world.priorities)

    def _sought(self, job: HeteroJob) -> Sought:
        """Where a profile is missing from: the files, where these are all that was asked."""
        if self.cluster is None:
            return IN_CLUSTER
        place = f"of namespace {job.metadata.namespace} in {', '.join(map(title_of, self.files))}"
        return Sought(place, f"give it with -f too: with --cluster {self.cluster} no cluster is asked")

    def _draw(self, planned: list[PlannedJob], path: Path) -> None:
        from heterosched_cli.gantt import write_plot

        for problem in write_plot(planned, path):
            warn(f"not drawn: {problem}")
        note(f"drawn into {path}")

    def _world(self, given: Manifests, now: float) -> World:
        if self.cluster is not None:
            from heterosched_cli.cluster_file import read_cluster

            return World(read_cluster(self.cluster, now))
        from heterosched_cli.live_telemetry import live_telemetry
        from heterosched_cli.live_world import live_world

        own = {(job.metadata.namespace, job.metadata.name) for job in given.jobs}
        try:
            found = live_world(own, now, self.kubeconfig, self.context)
        except InvalidInput as error:
            if error.object != "kubeconfig":
                raise
            remedy = f"{error.remedy}, or plan without a cluster with --cluster FILE"
            raise InvalidInput(error.object, error.field, error.problem, remedy) from error
        asked = policy_rows((*found.policies, *given.policies))
        used = {self.policy or job.spec.policy for job in given.jobs} & asked.keys()
        telemetry = live_telemetry(
            self.extenders, now, [asked[name] for name in sorted(used)], len(found.cluster.nodes)
        )
        return with_fields(found, telemetry=telemetry)

    def _as_asked(self, job: HeteroJob, now: float) -> HeteroJob:
        """The job by the policy and strategy of the command line, as if it were created now."""
        spec = replace(job.spec, policy=self.policy or job.spec.policy, strategy=self.strategy or job.spec.strategy)
        metadata = replace(job.metadata, uid="", creation_timestamp=format_time(now), deletion_timestamp=None)
        return replace(job, spec=spec, metadata=metadata, status={})


def problems(planned: PlannedJob, priorities: Collection[str] | None) -> Iterator[str]:
    """Why a job would not be worked on as it is: a priority class is not among `priorities`, it cannot be planned, or
    its deadline is a time of the past.
    """
    try:
        if priorities is not None:
            check_priority_classes(planned.job, priorities)
    except InvalidInput as error:
        yield str(error)
    if planned.plan.error is not None:
        yield str(planned.plan.error)
        return
    at = deadline_of(planned.job)
    if at is not None and at <= planned.now:
        problem = f"{format_time(at)} has passed already, the cluster would refuse the job"
        yield str(InvalidInput(planned.job.label, "spec.deadline", problem, "give a later one or remove it"))


def exit_code(planned: Sequence[PlannedJob], priorities: Collection[str] | None) -> int:
    """0, UNPLANNED or UNKEPT: the first of these that holds for one of the jobs."""
    if any(True for job in planned for _ in problems(job, priorities)):
        return UNPLANNED
    return UNKEPT if any(job.plan.verdict.startswith(("LateBy", "OverBudget")) for job in planned) else 0


def read_manifests(files: Sequence[Path], namespace: str) -> Manifests:
    """The objects of some files, those without a namespace in `namespace`. Raises InvalidInput."""
    found: dict[str, list[Document]] = {kind: [] for kind in KINDS}
    for file in files:
        for document in read_documents(file):
            if document.kind in found:
                found[document.kind].append(document)
            else:
                warn(f"{document.where}: kind {document.kind or '(none)'} has no say in a plan, left out")
    jobs = [_placed(decode(document, HeteroJob, warn), namespace) for document in found["HeteroJob"]]
    profiles = [_placed(decode(d, ThroughputProfile, warn), namespace) for d in found["ThroughputProfile"]]
    policies = [decode(document, SchedulingPolicy, warn) for document in found["SchedulingPolicy"]]
    if not jobs:
        raise InvalidInput(", ".join(map(str, files)), "", "there is no HeteroJob in it", "give at least one with -f")
    for key, count in Counter(job.key for job in jobs).items():
        if count > 1:
            raise InvalidInput(f"HeteroJob {key}", "metadata.name", f"stands {count} times", "rename one of them")
    return Manifests(tuple(jobs), tuple(profiles), tuple(policies))


def policy_rows(policies: Sequence[SchedulingPolicy]) -> dict[str, PolicyRow]:
    """The policy table with the rows of these objects; a later one of the same name counts. Raises InvalidInput."""
    return {**known_rows(), **{policy.metadata.name: row_of(policy) for policy in policies}}


def _placed(object: Named, namespace: str) -> Named:
    return replace(object, metadata=replace(object.metadata, namespace=object.metadata.namespace or namespace))

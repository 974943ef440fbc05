"""Whether a job can be worked on as it is: what no schema can tell, as it takes a graph, a clock or a dry run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from heterosched.api import HeteroJob, PlanNote, TaskSpec
from heterosched.api.status import Condition, Planned, TaskStatus, Worker
from heterosched.errors import HeteroSchedError, InvalidGraph, InvalidInput, InvalidQuantity, Unplaceable
from heterosched.planning.priorities import check_priority_classes
from heterosched.planning.types import JobPlan
from heterosched.planning.verdict import deadline_of
from heterosched.policy.table import PolicyRow
from heterosched_operator import conditions as c
from heterosched_operator.children import build_job, template_hash
from heterosched_operator.shapes import check_shapes
from heterosched_operator.sight import FINAL, STARTED, Observation
from heterosched_operator.world import World

DRY_RUNS: Final = 32
"""Different Jobs that are tried beforehand; a job with more of them meets the rest when they are created."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What the API server is asked about: a task on a device; `key` names the combination of template and variant."""

    key: str
    task: TaskSpec
    device: str


def probe_key(job: HeteroJob, task: TaskSpec, device: str) -> str:
    """Names what the API server sees of a task: its template (by hash) and the variant for `device`."""
    index = next((i for i, variant in enumerate(task.variants) if device in variant.devices), 0)
    return f"{template_hash(job, task)}/{index}"


def accepted(observation: Observation, plan: JobPlan, world: World) -> Condition:
    """The condition Accepted: False with culprit and remedy, Unknown while the API server is being asked."""
    if _still_valid(observation, world) and not isinstance(plan.error, InvalidInput):
        return _VALID
    try:
        return (
            _started_task_changed(observation)
            or _unbuildable(observation, world)
            or _invalid(plan.error)
            or _deadline_passed(observation, world)
            or _templates(observation, world)
        )
    except InvalidInput as error:
        return c.condition(c.ACCEPTED, False, c.INVALID_SPEC, str(error))


_VALID: Final = c.condition(c.ACCEPTED, True, c.VALID, "graph, deadline and templates are valid")


def _before(observation: Observation) -> Condition | None:
    """The condition as it was found for this generation of the spec."""
    before = observation.status.condition(c.ACCEPTED)
    current = before is not None and before.observed_generation == observation.job.metadata.generation
    return before if current else None


def _still_valid(observation: Observation, world: World) -> bool:
    """Whether this generation has been accepted and no create was refused since: a spec does not change by itself."""
    before = _before(observation)
    refused = observation.job.metadata.uid in world.refused
    return before is not None and before.status == "True" and not refused


def _started_task_changed(observation: Observation) -> Condition | None:
    job = observation.job
    tasks = {task.name: task for task in job.spec.tasks}
    for name, sight in observation.sights.items():
        record = sight.record
        if record.state not in STARTED or (record.state == "Created" and sight.child is None):
            continue
        task = tasks.get(name)
        if task is None:
            problem, remedy = "was removed after it had started", "put it back, or delete the job and create it anew"
        elif record.template_hash not in ("adopted", template_hash(job, task)):
            problem = "was changed after it had started (its template, variants, workers or devices)"
            remedy = "undo the change and give what has not started a template of its own"
            if record.state != "Succeeded":
                remedy += ", or suspend the job, change it and resume"
        else:
            continue
        message = f"{job.label}: spec.tasks[{name}] {problem}; {remedy}; until then nothing new is created"
        return c.condition(c.ACCEPTED, False, c.STARTED_TASK_CHANGED, message)
    return None


def _invalid(error: HeteroSchedError | None) -> Condition | None:
    if error is None or isinstance(error, Unplaceable) or not isinstance(error, InvalidInput):
        return None
    return c.condition(c.ACCEPTED, False, _reason(error), str(error))


def _reason(error: InvalidInput) -> str:
    if isinstance(error, InvalidGraph) and error.field.endswith(("dependsOn", ".from")):
        return c.UNKNOWN_DEPENDENCY
    if isinstance(error, InvalidGraph) and "cycle" in error.problem:
        return c.DEPENDENCY_CYCLE
    if "powerCap" in error.field and not isinstance(error, InvalidQuantity):
        return c.POWER_CAP_TOO_LOW
    return {"spec.policy": c.UNKNOWN_POLICY, "spec.strategy": c.UNKNOWN_STRATEGY}.get(error.field, c.INVALID_SPEC)


def _unbuildable(observation: Observation, world: World) -> Condition | None:
    """Nothing, for a job whose templates can be built and whose priority classes exist. Raises InvalidInput."""
    job = observation.job
    check_shapes(job)
    check_priority_classes(job, world.priorities)
    return None


def _deadline_passed(observation: Observation, world: World) -> Condition | None:
    """A deadline that had passed when this generation of the spec was first seen; later it is merely missed."""
    job = observation.job
    at, before = deadline_of(job), _before(observation)
    if at is None or at > world.now or (before is not None and before.reason != c.DEADLINE_PASSED):
        return None
    message = f"{job.label}: spec.deadline: it had passed already when it was given; give a later one or remove it"
    return c.condition(c.ACCEPTED, False, c.DEADLINE_PASSED, message)


def _templates(observation: Observation, world: World) -> Condition:
    job, waiting = observation.job, False
    for probe in probes(observation):
        answer = world.refusals.get((job.metadata.uid, probe.key))
        if answer:
            message = (
                f"{job.label}: the API server refuses the Job of a template: {answer}; edit the template or variant"
            )
            return c.condition(c.ACCEPTED, False, c.TEMPLATE_REFUSED, message)
        waiting = waiting or answer is None
    before = _before(observation)
    if waiting and before is not None and before.reason == c.TEMPLATE_REFUSED:
        return before
    if waiting:
        return c.condition(c.ACCEPTED, None, c.CHECKING, "the API server is being asked whether it takes the templates")
    return _VALID


def to_ask(observation: Observation, world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, Job) of the probes whose answer is not known yet; none where this generation has been accepted before."""
    if _still_valid(observation, world):
        return
    job = observation.job
    for probe in probes(observation):
        if (job.metadata.uid, probe.key) not in world.refusals:
            yield probe.key, _body(job, probe.task, probe.device, world.policies.get(job.spec.policy))


def probes(observation: Observation) -> tuple[Probe, ...]:
    """The different Jobs that the tasks to come may become, at most DRY_RUNS of them."""
    found: dict[str, Probe] = {}
    for probe in _all_probes(observation):
        found.setdefault(probe.key, probe)
        if len(found) == DRY_RUNS:
            break
    return tuple(found.values())


def _all_probes(observation: Observation) -> Iterator[Probe]:
    job = observation.job
    for task in job.spec.tasks:
        record = observation.records.get(task.name)
        if record is not None and (record.state in FINAL or record.job_name):
            continue
        devices = [variant.devices[0] for variant in task.variants if variant.devices] or [""]
        for device in devices:
            yield Probe(probe_key(job, task, device), task, device)


def _body(job: HeteroJob, task: TaskSpec, device: str, row: PolicyRow | None) -> dict[str, Any]:
    """The Job of a task for a device, under a generated name so that it cannot clash with a living one."""
    workers = [Worker(index=index) for index in range(max(1, task.workers.min))]
    record = TaskStatus(name=task.name, job_name="dry-run", planned=Planned(device=device), workers=workers)
    body = build_job(job, task, record, PlanNote(), {}, row)
    del body["metadata"]["name"]
    body["metadata"]["generateName"] = "heterosched-dry-run-"
    return body

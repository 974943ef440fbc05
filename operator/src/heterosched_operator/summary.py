"""The status of the whole job: its conditions, the plan's summary, the deadline's verdict, the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec.structs import replace

from heterosched.api.heterojob import Features
from heterosched.api.status import Condition, DeadlineStatus, HeteroJobStatus, PlanStatus, TaskStatus
from heterosched.errors import InvalidInput, Unplaceable
from heterosched.planning.doubts import absent_profiles, doubts, policy_doubts
from heterosched.planning.due import QUOTA_EXCEEDED, WAITING_FOR_POWER
from heterosched.planning.types import JobPlan
from heterosched.planning.verdict import deadline_of
from heterosched.policy.hooks import plugins
from heterosched.policy.table import PolicyRow
from heterosched.units import format_duration, format_time, parse_time
from heterosched_operator import conditions as c
from heterosched_operator.bounds import bounded
from heterosched_operator.conditions import condition, merged
from heterosched_operator.leaving import left_by
from heterosched_operator.sight import FINAL, STOPPING, Observation
from heterosched_operator.status import deadline_status, ordered, plan_status, predicted_finish
from heterosched_operator.stopping import NOT_CREATED
from heterosched_operator.tariff import rate_doubts
from heterosched_operator.waiting import named_limit
from heterosched_operator.world import World

SHOWN: Final = 5
"""Names that a message lists."""


def summarised(
    observation: Observation, records: dict[str, TaskStatus], plan: JobPlan, verdict: Condition, world: World
) -> HeteroJobStatus:
    """The status of a job that has not ended."""
    job, old = observation.job, observation.status
    tasks = ordered(job, records)
    done = sum(1 for record in tasks if record.state == "Succeeded")
    row = world.policies.get(job.spec.policy)
    summary = plan_status(observation, plan, row, world) if verdict.status == "True" else old.plan
    at = deadline_of(job) if verdict.status == "True" else None
    deadline = deadline_status(at, plan, old.deadline) if verdict.status == "True" else old.deadline
    finish = predicted_finish(observation, plan, world) if plan.error is None else None
    if finish is None and summary.finish and parse_time(summary.finish) < world.now:
        summary = replace(summary, finish="")  # it has not come true, and nobody knows a better one
    conditions = [
        _with_remarks(verdict, observation, row, plan, summary, world),
        _planned(plan, verdict, deadline, tasks, summary.strategy or plan.strategy, row),
        _running(tasks),
        condition(c.COMPLETED, False, c.TASKS_LEFT, f"{len(tasks) - done} of {len(tasks)} tasks are left"),
        _failed(tasks),
        _suspended(observation, tasks),
        *_at_risk(at if at is not None else _missed(observation, verdict, world), finish, tasks, world),
        *_blocked(observation, tasks),
        *_capped(observation, tasks),
        _telemetry(world),
    ]
    summed = HeteroJobStatus(
        observed_generation=job.metadata.generation,
        progress=f"{done}/{len(tasks)}",
        start_time=old.start_time or min((r.actual.start for r in tasks if r.actual.start), default="", key=parse_time),
        conditions=merged(old.conditions, conditions, job.metadata.generation, world.now),
        deadline=deadline,
        plan=summary,
        tasks=tasks,
        outcome=old.outcome,
    )
    return bounded(summed)


def _with_remarks(
    verdict: Condition,
    observation: Observation,
    row: PolicyRow | None,
    plan: JobPlan,
    summary: PlanStatus,
    world: World,
) -> Condition:
    """Accepted, with what is hardly meant, queries of the policy that say nothing, a hook of it that is not there, and
    the names of fields that this version does nothing about.
    """
    if verdict.status != "True":
        return verdict
    idle = list(_idle_fields(observation))
    if row is not None:
        idle += [f"SchedulingPolicy {row.name} {name}" for name in row.idle]
    told = [verdict.message, *islice(doubts(observation.job, plan.graph, world.cluster), SHOWN)]
    if row is not None:
        told += [f"SchedulingPolicy {row.name} {doubt}" for doubt in policy_doubts(row, world.cluster)]
        told += rate_doubts(row, world, summary)
        if row.hook and row.hook not in plugins().hooks:
            told.append(f"the plug-in {row.hook} (spec.hook of SchedulingPolicy {row.name}) is not installed here")
    if idle:
        told.append(f"not in force yet: {', '.join(idle)}")
    return condition(verdict.type, True, verdict.reason, "; ".join(told)) if len(told) > 1 else verdict


def _idle_fields(observation: Observation) -> Iterator[str]:
    tasks = observation.job.spec.tasks
    if any(task.work.features != Features() for task in tasks):
        yield "spec.tasks[].work.features"


def _planned(
    plan: JobPlan,
    verdict: Condition,
    deadline: DeadlineStatus,
    records: list[TaskStatus],
    strategy: str,
    row: PolicyRow | None,
) -> Condition:
    """`strategy`: as it stands in the plan's summary, since a plan for nothing that is left names the job's own."""
    if verdict.status == "Unknown":
        return condition(c.PLANNED, None, c.CHECKING, "it is planned as soon as it is accepted")
    if verdict.status != "True":
        return condition(c.PLANNED, False, c.NOT_ACCEPTED, "a job that is not accepted is not planned")
    if isinstance(plan.error, Unplaceable):
        return condition(c.PLANNED, False, c.UNPLACEABLE, str(plan.error))
    if plan.error is not None:
        return condition(c.PLANNED, False, c.PLAN_FAILED, str(plan.error))
    # Of all tasks, not only of those that are left: the reason must not change while the job goes on.
    tasks = plan.graph.tasks.values() if plan.graph is not None else ()
    missing = [task.name for task in tasks if not task.known]
    if missing:
        shown = _listed(missing)
        message = f"planned by {strategy} without predictions: no run time is known for {shown}; give work.runtimeOn"
        told = [message, *islice(absent_profiles(plan.graph), SHOWN), *_held_back(plan, records, row)]
        return condition(c.PLANNED, True, c.ESTIMATES_MISSING, "; ".join(told))
    told = [f"planned by {strategy}"]
    if plan.verdict and not plan.verdict.startswith("Feasible"):
        told.append(deadline.message)
    return condition(c.PLANNED, True, c.PLAN_FOUND, "; ".join([*told, *_held_back(plan, records, row)]))


def _held_back(plan: JobPlan, records: list[TaskStatus], row: PolicyRow | None) -> Iterator[str]:
    """What caps, quotas and hot nodes do to the plan, by name: nobody looks for these at the single task."""
    held: dict[str, list[str]] = {}
    for record in records:
        if record.reason in (QUOTA_EXCEEDED, WAITING_FOR_POWER) and record.name in plan.limits:
            limit, figures = named_limit(plan.limits[record.name])
            held.setdefault(f"{record.reason} ({limit}){figures}", []).append(record.name)
    for why, names in held.items():
        yield f"{_listed(names)}: {why}"
    if plan.avoided:
        yield from _around_heat(plan, records, row is not None and row.exclusion == "Required")


def _around_heat(plan: JobPlan, records: list[TaskStatus], certain: bool) -> Iterator[str]:
    """Nodes with hot or failed GPUs: what the plan does about them, and what becomes of tasks that have no others.

    Only where the strict entry is asked (`certain`) nobody else can send a pod there. It knows no node that is cooling
    down: such a one may take a pod again.
    """
    tasks = plan.graph.tasks if plan.graph is not None else {}
    states = {record.name: record.state for record in records}
    left = [name for name, task in tasks.items() if any(option.demand.gpus > 0 for option in task.options)]
    left = [name for name in left if states.get(name) not in FINAL]
    if any(name not in plan.cornered for name in left):
        nodes = _reasoned(plan, sorted(plan.avoided))
        rule = "none of its pods goes to a node at a limit (thermal.exclusion Required)"
        yield (
            f"planned around {nodes}; {rule}" if certain else f"planned around {nodes}, which the scheduler may choose"
        )
    cornered: dict[tuple[str, ...], list[str]] = {}
    for name in left:
        if name in plan.cornered and not (certain and states.get(name) == "Running"):
            cornered.setdefault(plan.cornered[name], []).append(name)
    for usable, names in cornered.items():
        told = _reasoned(plan, sorted(usable))
        if certain:
            yield f"{_listed(names)}: no other node is left than {told}; its pods wait until one is well"
        else:
            yield f"{_listed(names)}: no other node is left than {told}; it takes one all the same"


def _reasoned(plan: JobPlan, nodes: list[str]) -> str:
    return _listed([f"{node} ({plan.avoided[node]})" for node in nodes])


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _running(tasks: list[TaskStatus]) -> Condition:
    running = sum(1 for record in tasks if record.state == "Running")
    if running:
        return condition(c.RUNNING, True, c.TASKS_RUNNING, "tasks are running")
    return condition(c.RUNNING, False, c.NOTHING_RUNS, "no task is running")


def _failed(tasks: list[TaskStatus]) -> Condition:
    lost = [record.name for record in tasks if record.state == "Failed"]
    if not lost:
        return condition(c.FAILED, False, c.NO_FAILURE, "no task has failed for good")
    message = f"task {lost[0]} has failed for good; what does not depend on it goes on, then the job fails"
    return condition(c.FAILED, False, c.TASK_FAILED, message)


def _suspended(observation: Observation, tasks: list[TaskStatus]) -> Condition:
    if not observation.job.spec.suspend:
        return condition(c.SUSPENDED, False, c.NOT_SUSPENDED, "spec.suspend is false")
    left = [record for record in tasks if record.job_name]
    by = left_by(observation.job)
    if left:
        kept = sum(record.reason not in STOPPING for record in left) if by else 0
        ending = f"suspended by {by}; {kept} tasks that have begun run to their end, " if by else ""
        return condition(c.SUSPENDED, False, c.SUSPENDING, f"{ending}{len(left) - kept} tasks are being stopped")
    if by:
        return condition(c.SUSPENDED, True, c.UNINSTALLED, f"suspended by {by}; nothing runs, nothing is created")
    return condition(c.SUSPENDED, True, c.SUSPEND_REQUESTED, "spec.suspend is true; nothing runs, nothing is created")


def _missed(observation: Observation, verdict: Condition, world: World) -> float | None:
    """The deadline of a job that is not accepted, once it has passed: it is missed all the same, unless it had passed
    before it was given.
    """
    try:
        at = deadline_of(observation.job)
    except InvalidInput:
        return None
    return at if at is not None and at < world.now and verdict.reason != c.DEADLINE_PASSED else None


def _at_risk(at: float | None, finish: float | None, tasks: list[TaskStatus], world: World) -> list[Condition]:
    if at is None:
        return []
    ends = [parse_time(task.actual.finish) for task in tasks if task.state == "Succeeded" and task.actual.finish]
    if tasks and len(ends) == len(tasks) and max(ends) <= at:
        return [condition(c.DEADLINE_AT_RISK, False, c.ON_TIME, "ended in time")]
    if world.now > at:
        left = len(tasks) - len(ends)
        what = f"{left} of {len(tasks)} tasks unfinished" if left else "the last task ended later"
        return [
            condition(c.DEADLINE_AT_RISK, True, c.MISSED, f"the deadline {format_time(int(at))} has passed, {what}")
        ]
    if finish is None:
        return [
            condition(c.DEADLINE_AT_RISK, None, c.DEADLINE_UNKNOWN, "without a plan with run times nobody can tell")
        ]
    if finish > at:
        late = format_duration(float(f"{finish - at:.1e}"))
        return [condition(c.DEADLINE_AT_RISK, True, c.LATE, f"predicted to be late by about {late}")]
    return [condition(c.DEADLINE_AT_RISK, False, c.ON_TIME, "predicted to end in time")]


def _blocked(observation: Observation, tasks: list[TaskStatus]) -> list[Condition]:
    """Whether Jobs that should exist cannot be created; not mentioned where that never was so."""
    stuck = [record for record in tasks if record.reason == NOT_CREATED]
    if stuck:
        return [condition(c.BLOCKED, True, c.JOBS_NOT_CREATED, f"task {stuck[0].name}: {stuck[0].message}")]
    if observation.status.condition(c.BLOCKED) is None:
        return []
    return [condition(c.BLOCKED, False, c.NOT_BLOCKED, "Jobs can be created")]


def _capped(observation: Observation, tasks: list[TaskStatus]) -> list[Condition]:
    """Which power caps the plan reckons with; not mentioned where it never did."""
    caps = [own for own in tasks if own.planned.power_cap_watts]
    if caps:
        told = _listed([f"{own.name} {own.planned.power_cap_watts} W on {own.planned.device}" for own in caps])
        message = f"planned under power caps, per device: {told}; advice, whoever runs the nodes sets them"
        return [condition(c.POWER_CAP_ADVISED, True, c.CAPS_CHOSEN, message)]
    if observation.status.condition(c.POWER_CAP_ADVISED) is None:
        return []
    return [condition(c.POWER_CAP_ADVISED, False, c.NO_CAP, "no task is planned under a power cap")]


def _telemetry(world: World) -> Condition:
    state = world.telemetry
    if not state.configured:
        return condition(
            c.TELEMETRY_AVAILABLE, False, c.NOT_CONFIGURED, "no Prometheus is configured; energy is estimated"
        )
    if not state.available:
        message = state.message or "Prometheus does not answer"
        return condition(c.TELEMETRY_AVAILABLE, False, c.UNREACHABLE, f"{message}; energy is estimated")
    return condition(c.TELEMETRY_AVAILABLE, True, c.FRESH, "Prometheus answers")

"""The end of tasks and jobs: energy with its source, and the outcome beside the plan and the baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from heterosched.api import HeteroJob
from heterosched.api.status import Condition, HeteroJobStatus, Outcome, TaskStatus
from heterosched.errors import Unplaceable
from heterosched.kube.convert import demand_of, moment, run_span
from heterosched.model import Cluster, Reservation
from heterosched.planning.planner import objective_of
from heterosched.planning.report import Report, TaskActual, report
from heterosched.planning.types import JobPlan
from heterosched.units import format_duration, format_quantity, format_time, parse_time
from heterosched_operator import conditions as c
from heterosched_operator.bounds import bounded
from heterosched_operator.conditions import condition, merged
from heterosched_operator.sight import FINAL, STOP_DEADLINE, Observation, Sight
from heterosched_operator.status import weakest_of
from heterosched_operator.tariff import charged, with_rates
from heterosched_operator.world import World

MEASURED: Final = "measured"
ESTIMATED: Final = "estimated"
SHORTEST: Final = 0.001
"""Seconds. Kubernetes stamps containers by the second, so a short task may seem to have taken no time at all."""


def settle_energies(observation: Observation, world: World) -> dict[str, TaskStatus]:
    """The records with an energy figure on every finished task: measured where there was an answer, else estimated."""
    uid, row = observation.job.metadata.uid, world.policies.get(observation.job.spec.policy)
    found = {name: _own_run_time(sight) for name, sight in observation.sights.items()}
    for name, record in list(found.items()):
        if record.state != "Succeeded" or record.energy_source:
            continue
        measured = world.energies.get((uid, name, record.attempt))
        if measured is not None and measured.joules is not None:
            source = world.rules.energy_source if measured.source == MEASURED else measured.source
            found[name] = replace(record, energy_joules=format_quantity(measured.joules), energy_source=source)
        elif measured is not None or not world.telemetry.configured:
            found[name] = replace(record, energy_joules=_estimate(record), energy_source=ESTIMATED)
        if found[name].energy_joules:
            found[name] = with_rates(found[name], row, world)
    return found


def _own_run_time(sight: Sight) -> TaskStatus:
    """The record of a task that has just succeeded with the run time of the pods that did so.

    A pod that was drained and replaced by the Job has run in vain: that is waiting, and says nothing about the speed.
    """
    spans = [run_span(pod) for pod in sight.pods if pod.status.phase == "Succeeded"]
    known = [span for span in spans if span is not None]
    if sight.record.state != "Succeeded" or not known:
        return sight.record
    seconds = format_quantity(max(span[1] for span in known) - min(span[0] for span in known))
    return replace(sight.record, actual=replace(sight.record.actual, seconds=seconds))


def _estimate(record: TaskStatus) -> str:
    """Planned power for the actual time; nothing where no power was planned."""
    planned = record.planned
    if not planned.energy_joules or not planned.seconds or not record.actual.seconds or float(planned.seconds) <= 0:
        return ""
    return format_quantity(float(planned.energy_joules) / float(planned.seconds) * float(record.actual.seconds))


def final_status(observation: Observation, status: HeteroJobStatus, plan: JobPlan, world: World) -> HeteroJobStatus:
    """The status with the job's final condition, once every task has its final state and its energy figure."""
    tasks = status.tasks
    over = all(record.state in FINAL and not record.job_name for record in tasks)
    if not tasks or not over or any(r.state == "Succeeded" and not r.energy_source for r in tasks):
        return status
    lost = [record for record in tasks if record.state == "Failed"]
    late = [record for record in tasks if record.reason == STOP_DEADLINE]
    ends = [parse_time(record.actual.finish) for record in tasks if record.actual.finish]
    end = max(ends, default=world.now)
    took = f" after {format_duration(end - parse_time(status.start_time))}" if status.start_time else ""
    if lost or late:
        final = _failed(lost, late)
    else:
        final = [
            condition(c.COMPLETED, True, c.ALL_TASKS_SUCCEEDED, f"all {len(tasks)} tasks succeeded{took}"),
            condition(c.FAILED, False, c.NO_FAILURE, "no task has failed for good"),
        ]
    final.append(condition(c.RUNNING, False, c.NOTHING_RUNS, "the job has ended"))
    done = replace(
        status,
        completion_time=format_time(round(end, 3)),
        conditions=merged(status.conditions, final, observation.job.metadata.generation, world.now),
    )
    if lost or late:
        return done
    return bounded(replace(done, outcome=outcome_of(done, plan, observation.job, world)))


def _failed(lost: list[TaskStatus], late: list[TaskStatus]) -> list[Condition]:
    if late:
        return [condition(c.FAILED, True, c.ACTIVE_DEADLINE_EXCEEDED, late[0].message)]
    names = ", ".join(record.name for record in lost[:5])
    return [condition(c.FAILED, True, c.TASK_FAILED, f"failed for good: {names}; {lost[0].message}")]


def outcome_of(status: HeteroJobStatus, plan: JobPlan, job: HeteroJob, world: World) -> Outcome:
    """What came of a job that has completed. The comparison is absent where run times are unknown or nodes are gone.

    Seconds, planned ones too, count from the creation of the HeteroJob, so that no waiting is left out.
    """
    policy, tasks = job.spec.policy, status.tasks
    row = world.policies.get(policy)
    figures = [record.energy_joules for record in tasks if record.energy_joules]
    joules = sum(map(float, figures)) if len(figures) == len(tasks) else None
    since = job.metadata.creation_timestamp or status.start_time
    found = Outcome(
        seconds=_seconds_between(since, status.completion_time),
        planned_seconds=_seconds_between(since, status.plan.start, status.plan.makespan_seconds),
        planned_energy_joules=status.plan.energy_joules,
    )
    if joules is not None:
        source = weakest_of(record.energy_source for record in tasks)
        found = replace(found, energy_joules=format_quantity(joules), energy_source=source)
        if row is not None:
            found = charged(found, tasks, row)
    compared = _compared(status, plan, policy, world)
    if compared is None:
        return found
    return replace(
        found,
        against=compared.baseline.capitalize(),
        saved_seconds_percent=format_quantity(compared.saved_seconds_percent, 2),
        saved_energy_percent=format_quantity(compared.saved_energy_percent, 2),
        verdict=compared.verdict,
    )


def _seconds_between(since: str, until: str, more: str = "0") -> str:
    """From one time to `more` seconds after another; empty where one of them is."""
    if not since or not until or not more:
        return ""
    return format_quantity(max(0.0, parse_time(until) + float(more) - parse_time(since)))


def _held_by_others(world: World, since: float) -> Iterator[Reservation]:
    """What pods that belong to no HeteroJob held from before `since` (the job's first start) to this day.

    Other HeteroJobs, and pods that came or went meanwhile, are left out: nobody has kept when they held what.
    """
    for pod in world.foreign:
        if not pod.spec.node_name or pod.finished:
            continue
        started = moment(pod.status.start_time, f"Pod {pod.key}")
        if started is None or started <= since:
            yield Reservation(pod.spec.node_name, demand_of(pod), 0.0, math.inf)


def _compared(status: HeteroJobStatus, plan: JobPlan, policy: str, world: World) -> Report | None:
    row, graph = world.policies.get(policy), plan.graph
    if row is None or graph is None or not all(task.known for task in graph.tasks.values()):
        return None
    actual = {record.name: task for record in status.tasks if (task := _actual(record)) is not None}
    try:
        since = min((task.start for task in actual.values()), default=world.now)
        before = world.cluster
        cluster = Cluster(before.nodes, tuple(_held_by_others(world, since)), before.link, before.devices)
        return report(graph, cluster, actual, objective_of(row))
    except Unplaceable:
        return None


def _actual(record: TaskStatus) -> TaskActual | None:
    nodes = tuple(worker.node for worker in record.workers if worker.node)
    if not nodes or not record.actual.start or not record.actual.seconds:
        return None
    devices = [worker.device for worker in record.workers if worker.device]
    return TaskActual(
        device=devices[0] if devices else record.planned.device,
        nodes=nodes,
        start=parse_time(record.actual.start),
        seconds=max(SHORTEST, float(record.actual.seconds)),
        variant=record.variant,
        joules=float(record.energy_joules) if record.energy_joules and record.energy_source != ESTIMATED else None,
        cap_watts=float(record.planned.power_cap_watts or 0),
    )

"""What the status says: figures of the plan, the tasks in their order, the deadline's verdict. Pure, no floats.

Figures that drift with every new plan are written only when they have moved by more than `Rules.settle`: a status is
read by people and watched by programs, not a gauge.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from heterosched.api import HeteroJob, TaskSpec
from heterosched.api.status import Baseline, DeadlineStatus, Planned, PlanStatus, TaskStatus, Worker
from heterosched.model import Assignment, Schedule
from heterosched.planning.due import WAITING_FOR_DEVICE
from heterosched.planning.planner import HELD_SECONDS
from heterosched.planning.report import baseline_figures
from heterosched.planning.types import JobPlan
from heterosched.policy.table import PolicyRow
from heterosched.units import format_duration, format_quantity, format_time, parse_time
from heterosched_operator.children import child_name, equal_shares, template_hash
from heterosched_operator.sight import FINAL, JOB_PERSISTED, Observation, opened
from heterosched_operator.steering import variant_for
from heterosched_operator.tariff import settled_bill, with_bill
from heterosched_operator.world import World

MESSAGE_LIMIT: Final = 1000
TASKS_LIMIT: Final = 500

_ORIGINS: Final = ("measured", "simulated", "estimated")
"""From the strongest to the weakest."""


def planned_of(assignment: Assignment, known: bool) -> Planned:
    """The plan of a task; times and figures only where its run time is known."""
    place = Planned(node=assignment.nodes[0] if assignment.nodes else "", device=assignment.option.device)
    if not known:
        return place
    joules = assignment.option.joules
    return replace(
        place,
        start=format_time(round(assignment.start, 3)),
        finish=format_time(round(assignment.finish, 3)),
        seconds=format_quantity(assignment.option.seconds),
        energy_joules=format_quantity(joules) if joules > 0 else "",
        power_cap_watts=format_quantity(assignment.option.cap_watts) if assignment.option.cap_watts > 0 else "",
    )


def attempt_record(job: HeteroJob, task: TaskSpec, record: TaskStatus, plan: JobPlan, world: World) -> TaskStatus:
    """The record of a new attempt, to be persisted before its Job is created. The task has an assignment."""
    assignment = plan.schedule.assignments[task.name]
    number = opened(record)
    workers = max(1, assignment.option.workers)
    shares = _shares(task, plan.shares.get(task.name), workers)
    nodes = assignment.nodes or ("",) * workers
    return TaskStatus(
        name=task.name,
        state="Created",
        reason=JOB_PERSISTED,
        message=plan.because.get(task.name, "")[:MESSAGE_LIMIT],
        rank=record.rank,
        on_critical_path=task.name in plan.critical_path,
        attempt=number,
        failures=record.failures,
        free_retries=record.free_retries,
        done_share=record.done_share,
        variant=variant_name(task, assignment.option.device),
        template_hash=template_hash(job, task),
        job_name=child_name(job, task.name, number),
        planned=planned_of(assignment, known(plan, task.name, world)),
        workers=[Worker(index=i, planned_node=node, share=shares[i]) for i, node in enumerate(nodes)],
    )


def pending_record(job: HeteroJob, task: TaskSpec, record: TaskStatus, plan: JobPlan, world: World) -> TaskStatus:
    """The record of an attempt without a place: its Job is created so that an autoscaler sees what is missing."""
    option = plan.pending[task.name]
    places = {task.name: Assignment(task.name, option, (), world.now, world.now + option.seconds)}
    fresh = attempt_record(job, task, record, dataclasses.replace(plan, schedule=Schedule(places)), world)
    message = f"{option.device} is not free or not there; created all the same, so that an autoscaler sees its pods"
    planned = replace(fresh.planned, start="", finish="")
    return replace(fresh, reason=WAITING_FOR_DEVICE, message=message, planned=planned)


def _shares(task: TaskSpec, planned: Sequence[int] | None, workers: int) -> Sequence[int | None]:
    """The samples of each worker: as planned, in proportion to speed; equal where the plan does not say."""
    if task.work.training is None:
        return [None] * workers
    return (
        planned
        if planned is not None and len(planned) == workers
        else equal_shares(task.work.training.global_batch, workers)
    )


def variant_name(task: TaskSpec, device: str) -> str:
    """How the status names the variant for this device: by its name, or by its devices; empty without variants."""
    variant = variant_for(task, device)
    return "" if variant is None else variant.name or ",".join(variant.devices)


def waiting_record(record: TaskStatus, plan: JobPlan, ready: bool, why: tuple[str, str], world: World) -> TaskStatus:
    """A task whose Job does not exist, with the plan for it and the reason why it waits."""
    reason, message = why
    assignment = plan.schedule.assignments.get(record.name)
    planned = record.planned
    if assignment is not None:
        planned = _settled(planned, planned_of(assignment, known(plan, record.name, world)), world)
    rank = plan.schedule.ranks.get(record.name)
    return replace(
        record,
        state="Ready" if ready else "Waiting",
        reason=reason,
        message=message[:MESSAGE_LIMIT],
        planned=planned,
        rank=format_quantity(rank) if rank is not None and not plan.missing else record.rank,
        on_critical_path=record.name in plan.critical_path if plan.schedule.assignments else record.on_critical_path,
    )


def _settled(old: Planned, new: Planned, world: World) -> Planned:
    same = (old.node, old.device, old.power_cap_watts) == (new.node, new.device, new.power_cap_watts)
    if not same or bool(old.finish) != bool(new.finish):
        return new
    return old if not moved(old.start, new.start, world) and not moved(old.finish, new.finish, world) else new


def moved(old: str, new: str, world: World) -> bool:
    """Whether a predicted time has moved by more than a second and more than the settling share of the time left."""
    if not old or not new:
        return old != new
    at = parse_time(new)
    return abs(at - parse_time(old)) > max(1.0, world.rules.settle * (at - world.now))


def plan_status(observation: Observation, plan: JobPlan, row: PolicyRow | None, world: World) -> PlanStatus:
    """The plan's summary. Once a task has started the figures of the whole job stay, and only `finish` follows."""
    old, schedule = observation.status.plan, plan.schedule
    if not schedule.assignments and not old.computed_at:
        return PlanStatus(strategy=plan.strategy) if plan.error is None else PlanStatus()
    started = any(record.template_hash for record in observation.records.values())
    finish = predicted_finish(observation, plan, world)
    shown = format_time(round(finish, 3)) if finish is not None else ""
    if started and old.computed_at:
        return replace(old, finish=shown) if shown and moved(old.finish, shown, world) else old
    if not schedule.assignments:
        return old
    fresh = settled_bill(old, _fresh_plan(plan, row, world), world.rules.settle)
    same = replace(fresh, computed_at=old.computed_at, start=old.start, finish=old.finish)
    return old if same == old and not moved(old.finish, fresh.finish, world) else fresh


def _fresh_plan(plan: JobPlan, row: PolicyRow | None, world: World) -> PlanStatus:
    schedule = plan.schedule
    status = PlanStatus(strategy=plan.strategy, computed_at=format_time(int(world.now)))
    if not all(known(plan, name, world) for name in schedule.assignments):
        return status
    joules = schedule.joules
    powered = joules > 0
    billed = with_bill(status, schedule, row, world) if powered and row is not None else status
    return replace(
        billed,
        start=format_time(round(schedule.start, 3)),
        finish=format_time(round(schedule.finish, 3)),
        makespan_seconds=format_quantity(schedule.finish - schedule.start),
        makespan=format_duration(schedule.finish - schedule.start),
        energy_joules=format_quantity(joules) if powered else "",
        energy_source=weakest(schedule) if powered else "",
        gap_percent=format_quantity(plan.gap_percent, 2) if plan.gap_percent is not None else "",
        baseline=_baseline(plan.baseline),
    )


def _baseline(schedule: Schedule | None) -> Baseline:
    if schedule is None or not schedule.assignments:
        return Baseline()
    makespan, joules = baseline_figures(schedule)
    return Baseline(
        strategy="fifo",
        makespan_seconds=format_quantity(makespan),
        energy_joules=format_quantity(joules) if joules > 0 else "",
    )


def weakest(schedule: Schedule) -> str:
    """Where the figures of a schedule come from: its weakest source."""
    return weakest_of(assignment.option.origin for assignment in schedule.assignments.values())


def weakest_of(origins: Iterable[str]) -> str:
    """The weakest of some sources; estimated where there is none."""
    return max(origins, key=_ORIGINS.index, default="estimated")


def predicted_finish(observation: Observation, plan: JobPlan, world: World) -> float | None:
    """When the last task finishes (epoch seconds); None where a run time that matters is unknown."""
    if any(not known(plan, name, world) for name in plan.schedule.assignments):
        return None
    ends = [assignment.finish for assignment in plan.schedule.assignments.values()]
    ends += [
        parse_time(record.actual.finish)
        for record in observation.records.values()
        if record.state == "Succeeded" and record.actual.finish
    ]
    left = [name for name, record in observation.records.items() if record.state not in FINAL]
    if any(name not in plan.schedule.assignments for name in left):
        return None
    return max(ends, default=None)


def deadline_status(at: float | None, plan: JobPlan, before: DeadlineStatus) -> DeadlineStatus:
    """The planner's verdict on deadline and energy budget, as far as there are any; `before`: as it was so far."""
    status = DeadlineStatus(at=format_time(round(at, 3)) if at is not None else "")
    if plan.verdict:
        word = plan.verdict.replace(":", " ").split()[0]
        told = plan.verdict if word == "NeedsDevice" else _coarse(plan.verdict)
        return replace(status, verdict=word, message=told + _frontier(plan, before))
    if at is None:
        return status
    return replace(
        status, message=f"no prediction: {plan.error}" if plan.error else "no prediction: run times are unknown"
    )


def _frontier(plan: JobPlan, before: DeadlineStatus) -> str:
    """What would be possible, where deadline or budget cannot be kept. Once everything has started there is no choice
    left: then what was possible before stays to be read.
    """
    if plan.verdict.startswith("Feasible"):
        return ""
    points = [f"{math.ceil(point.seconds)} s for {math.ceil(point.joules)} J" for point in plan.frontier]
    if points:
        cost = f"; {plan.sacrifice}" if plan.sacrifice else ""
        return _coarse(f"; possible: {', '.join(points)}{cost}")
    known = before.message.partition("possible: ")[2].partition("; ")[0]
    return f"; before the start possible: {known}" if known else ""


def _coarse(text: str) -> str:
    """Its whole numbers with two significant digits: the message must not change with every plan."""
    return re.sub(r"\d+", lambda found: f"{float(f'{int(found[0]):.1e}'):.0f}", text)


def known(plan: JobPlan, name: str, world: World) -> bool:
    """Whether the plan's times for a task mean anything."""
    assignment = plan.schedule.assignments.get(name)
    return assignment is not None and not plan.missing and assignment.start < world.now + HELD_SECONDS / 2


def ordered(job: HeteroJob, records: Mapping[str, TaskStatus]) -> list[TaskStatus]:
    """The records in the order of the spec, then those of tasks removed after their start, as far as the status has
    room for them: those that still run before those that have ended.
    """
    own = [task.name for task in job.spec.tasks if task.name in records]
    removed = sorted(records.keys() - set(own), key=lambda name: (not records[name].job_name, name))
    return [records[name] for name in [*own, *removed][:TASKS_LIMIT]]

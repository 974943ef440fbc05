"""Why a task is not there yet: every task without a Job has a reason that a person understands.

What the plan decides has the planner's reasons (`heterosched.planning.due`); the others are the operator's own.
"""

from __future__ import annotations

from typing import Final

from heterosched.api import TaskSpec
from heterosched.api.status import Condition, TaskStatus
from heterosched.planning.due import (
    QUOTA_EXCEEDED,
    WAITING_FOR_DEADLINE_SLACK,
    WAITING_FOR_DEPENDENCY,
    WAITING_FOR_DEVICE,
    WAITING_FOR_GANG,
    WAITING_FOR_POWER,
)
from heterosched.planning.types import JobPlan
from heterosched.units import format_duration, format_time
from heterosched_operator.leaving import left_by
from heterosched_operator.one_type import split_up
from heterosched_operator.sight import BACK_OFF, Observation, dependencies, retry_at
from heterosched_operator.status import waiting_record
from heterosched_operator.world import World

WAITS_FOR_PLAN: Final = "WaitingForPlan"
WAITS_FOR_OLD_PODS: Final = "WaitingForOldPods"
WAITS_FOR_ACCEPTANCE: Final = "NotAccepted"
WAITS_FOR_RESUME: Final = "Suspended"
NO_PLACE: Final = "Unplaceable"
DUE: Final = "Due"

SHOWN: Final = 3


def described(
    task: TaskSpec,
    records: dict[str, TaskStatus],
    observation: Observation,
    plan: JobPlan,
    verdict: Condition,
    world: World,
) -> TaskStatus:
    """The record of a task without a Job, with its plan and with the first thing that keeps it."""
    record, sight = records[task.name], observation.sights[task.name]
    missing = [name for name in dependencies(task) if name in records and records[name].state != "Succeeded"]
    again = retry_at(record, world.rules)
    if observation.job.spec.suspend:
        by = left_by(observation.job)
        why = WAITS_FOR_RESUME, f"the job is suspended by {by}" if by else "the job is suspended"
    elif verdict.status != "True":
        why = WAITS_FOR_ACCEPTANCE, f"the job is not accepted: {verdict.reason}"
    elif missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        why = WAITING_FOR_DEPENDENCY, f"waits for {', '.join(missing[:SHOWN])}{more}"
    elif sight.leftovers or sight.strays:
        why = WAITS_FOR_OLD_PODS, "pods of an earlier attempt have not ended yet"
    elif again is not None and again > world.now:
        why = BACK_OFF, _once(record.message, f"; tried again at {format_time(int(again))}")
    elif plan.error is not None:
        why = NO_PLACE, str(plan.error)
    elif task.name not in plan.schedule.assignments:
        reason = plan.waiting.get(task.name)
        why = reason or WAITS_FOR_PLAN, _without_place(plan, bool(reason))
    else:
        why = _by_the_plan(task, plan, world)
    return waiting_record(record, plan, not missing, why, world)


def _without_place(plan: JobPlan, waits: bool) -> str:
    if not waits:
        return "the plan has no place for it yet"
    needed = plan.verdict.startswith("NeedsDevice")
    return plan.verdict if needed else "waits until enough of its device types are free at once"


def _by_the_plan(task: TaskSpec, plan: JobPlan, world: World) -> tuple[str, str]:
    assignment = plan.schedule.assignments[task.name]
    where = ", ".join(dict.fromkeys(assignment.nodes))[:200]
    if assignment.start <= world.now:
        return DUE, f"may start on {where}"
    reason = plan.waiting.get(task.name, WAITING_FOR_DEVICE)
    limit, figures = named_limit(plan.limits.get(task.name, ""))
    split = split_up(task, plan, world) if reason in (WAITING_FOR_GANG, WAITING_FOR_DEVICE) else ""
    if task.name in plan.held:
        told = _HELD.get(reason, "every node that it could use is held by others until further notice")
        return reason, f"{split}; {_REST_HELD}" if split else told.format(limit=limit, figures=figures)
    usual = _WHY.get(reason, "planned on {where}, which others use before")
    why = f"{split}; planned on {where}" if split else usual.format(where=where, limit=limit, figures=figures)
    wait = f"; in about {format_duration(_rounded(assignment.start - world.now))}" if not plan.missing else ""
    return reason, f"{why}{wait}"


_WHY: Final = {
    WAITING_FOR_POWER: "planned on {where}; started now it would pass a power cap ({limit}{figures})",
    WAITING_FOR_GANG: "planned on {where}; not all of its workers fit at once before",
    WAITING_FOR_DEADLINE_SLACK: "waits for {where}, which its policy prefers; the deadline leaves the time",
    QUOTA_EXCEEDED: "planned on {where}; {limit} of the namespace leaves no room for it{figures}",
}
_REST_HELD: Final = "the rest is held by others until further notice"
_HELD: Final = {
    WAITING_FOR_GANG: f"not all of its workers fit at once; {_REST_HELD}",
    WAITING_FOR_POWER: "a power cap ({limit}{figures}) is used up by others until further notice",
    QUOTA_EXCEEDED: "{limit} of the namespace does not hold it{figures}",
}


def named_limit(limit: str) -> tuple[str, str]:
    """The name of a cap or quota, and its figures in brackets where it has some: a sentence has them at its end."""
    name, bracket, figures = limit.partition(" (")
    return name, bracket + figures


def _rounded(seconds: float) -> float:
    """One significant digit: a status is no countdown."""
    return float(f"{seconds:.0e}")


def _once(message: str, more: str) -> str:
    """`message` with `more` at its end, however often it is applied."""
    return message.split("; tried again at ")[0].removesuffix("; it is tried again") + more

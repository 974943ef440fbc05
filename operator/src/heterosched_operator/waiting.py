"""Why a task is not there yet: every task without a Job has a reason that a person understands."""

from __future__ import annotations

from typing import Final

from heterosched.api import TaskSpec
from heterosched.api.status import Condition, TaskStatus
from heterosched.planning.types import JobPlan
from heterosched.units import format_duration, format_time
from heterosched_operator.progress import BACK_OFF, Observation, dependencies, retry_at
from heterosched_operator.status import waiting_record
from heterosched_operator.world import World

WAITS_FOR_TASKS: Final = "WaitingForTasks"
WAITS_FOR_PLAN: Final = "WaitingForPlan"
WAITS_FOR_ITS_TIME: Final = "PlannedLater"
WAITS_FOR_OLD_PODS: Final = "WaitingForOldPods"
WAITS_FOR_ACCEPTANCE: Final = "NotAccepted"
WAITS_FOR_RESUME: Final = "Suspended"
NO_PLACE: Final = "Unplaceable"
NOTHING_FREE: Final = "NothingFree"
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
        why = WAITS_FOR_RESUME, "the job is suspended"
    elif verdict.status != "True":
        why = WAITS_FOR_ACCEPTANCE, f"the job is not accepted: {verdict.reason}"
    elif missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        why = WAITS_FOR_TASKS, f"waits for {', '.join(missing[:SHOWN])}{more}"
    elif sight.leftovers or sight.strays:
        why = WAITS_FOR_OLD_PODS, "pods of an earlier attempt have not ended yet"
    elif again is not None and again > world.now:
        why = BACK_OFF, _once(record.message, f"; tried again at {format_time(int(again))}")
    elif plan.error is not None:
        why = NO_PLACE, str(plan.error)
    elif task.name not in plan.schedule.assignments:
        why = WAITS_FOR_PLAN, "the plan has no place for it yet"
    else:
        why = _by_the_plan(task, plan, world)
    return waiting_record(record, plan, not missing, why, world)


def _by_the_plan(task: TaskSpec, plan: JobPlan, world: World) -> tuple[str, str]:
    assignment = plan.schedule.assignments[task.name]
    if task.name in plan.held:
        return NOTHING_FREE, "every node that it could use is held by others until further notice"
    where = ", ".join(dict.fromkeys(assignment.nodes))[:200]
    if assignment.start <= world.now:
        return DUE, f"may start on {where}"
    wait = f" in about {format_duration(_rounded(assignment.start - world.now))}" if not plan.missing else ""
    return WAITS_FOR_ITS_TIME, f"planned on {where}, which others use before{'' if not wait else ';'}{wait}"


def _rounded(seconds: float) -> float:
    """One significant digit: a status is no countdown."""
    return float(f"{seconds:.0e}")


def _once(message: str, more: str) -> str:
    """`message` with `more` at its end, however often it is applied."""
    return message.split("; tried again at ")[0].removesuffix("; it is tried again") + more

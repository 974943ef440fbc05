"""The Events that a change of status is worth: all reasons, listed here and nowhere else.

They are derived from the difference between two statuses and posted after the new one has been written: an Event may be
lost with the process, it is never posted twice for the same change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from heterosched.api.status import HeteroJobStatus, TaskStatus
from heterosched_operator.actions import EmitEvent
from heterosched_operator.conditions import (
    ACCEPTED,
    BLOCKED,
    COMPLETED,
    DEADLINE_AT_RISK,
    FAILED,
    MISSED,
    PLANNED,
    POWER_CAP_ADVISED,
    SUSPENDED,
    TELEMETRY_AVAILABLE,
)
from heterosched_operator.sight import STOP_RESIZED, STOPPING

NORMAL: Final = "Normal"
WARNING: Final = "Warning"

# Reasons, besides those of the conditions Accepted=False and Planned=False, which are posted under their own.
TASK_RELEASED: Final = "TaskReleased"
TASK_SUCCEEDED: Final = "TaskSucceeded"
TASK_RETRIED: Final = "TaskRetried"
TASK_STOPPED: Final = "TaskStopped"
TASK_FAILED: Final = "TaskFailed"
TASK_SKIPPED: Final = "TaskSkipped"
RESIZED: Final = "Resized"
DEADLINE_MISSED: Final = "DeadlineMissed"
RESUMED: Final = "Resumed"
TELEMETRY_LOST: Final = "TelemetryLost"

SHOWN = 5
"""Tasks that an Event names; a wide graph releases a hundred tasks at once, and one Event says so."""

MESSAGE_LIMIT = 1000


def events_of(old: HeteroJobStatus, new: HeteroJobStatus) -> tuple[EmitEvent, ...]:
    """What has happened between two statuses, conditions first."""
    return (*_of_conditions(old, new), *_of_tasks(old, new))


def _of_conditions(old: HeteroJobStatus, new: HeteroJobStatus) -> Iterator[EmitEvent]:
    for condition in new.conditions:
        before = old.condition(condition.type)
        changed = before is None or (before.status, before.reason) != (condition.status, condition.reason)
        if not changed:
            continue
        holds = condition.status == "True"
        if condition.type in (ACCEPTED, PLANNED):
            if holds:
                unkept = condition.type == PLANNED and new.deadline.verdict in ("LateBy", "OverBudget")
                yield EmitEvent(WARNING if unkept else NORMAL, condition.type, condition.message)
            elif condition.status == "False" and condition.reason != "NotAccepted":
                yield EmitEvent(WARNING, condition.reason, condition.message)
        elif holds and condition.type in (COMPLETED, SUSPENDED, POWER_CAP_ADVISED):
            yield EmitEvent(NORMAL, condition.type, condition.message)
        elif holds and condition.reason == MISSED:
            yield EmitEvent(WARNING, DEADLINE_MISSED, condition.message)
        elif holds and condition.type in (FAILED, DEADLINE_AT_RISK, BLOCKED):
            yield EmitEvent(WARNING, condition.type, condition.message)
        elif condition.type == SUSPENDED and before is not None and before.status == "True":
            yield EmitEvent(NORMAL, RESUMED, condition.message)
        elif condition.type == TELEMETRY_AVAILABLE and not holds and before is not None and before.status == "True":
            yield EmitEvent(WARNING, TELEMETRY_LOST, condition.message)


def _of_tasks(old: HeteroJobStatus, new: HeteroJobStatus) -> Iterator[EmitEvent]:
    before = {record.name: record for record in old.tasks}
    groups: dict[tuple[str, str], list[str]] = {}
    for record in new.tasks:
        found = _of_task(before.get(record.name), record)
        if found is not None:
            groups.setdefault((found.type, found.reason), []).append(found.message)
    for (type, reason), messages in groups.items():
        more = f"; and {len(messages) - SHOWN} more" if len(messages) > SHOWN else ""
        yield EmitEvent(type, reason, ("; ".join(messages[:SHOWN]))[:MESSAGE_LIMIT] + more)


def _of_task(old: TaskStatus | None, new: TaskStatus) -> EmitEvent | None:
    before = old.state if old is not None else ""
    opened = new.job_name and (old is None or old.job_name != new.job_name)
    if new.state == "Created" and opened:
        where = f" on {new.planned.node or new.planned.device}" if new.planned.node or new.planned.device else ""
        where += f" under a cap of {new.planned.power_cap_watts} W" if new.planned.power_cap_watts else ""
        return EmitEvent(NORMAL, TASK_RELEASED, f"task {new.name}: Job {new.job_name}, planned{where}")
    stopping = new.job_name and new.reason in STOPPING and (old is None or old.reason != new.reason)
    if stopping and new.state == before and new.message:
        if new.reason == STOP_RESIZED:
            return EmitEvent(NORMAL, RESIZED, f"task {new.name}: {new.message}")
        return EmitEvent(WARNING, TASK_STOPPED, f"task {new.name}: {new.message}")
    if new.state == before:
        return None
    if new.state == "Succeeded":
        took = f" after {new.actual.seconds} s" if new.actual.seconds else ""
        return EmitEvent(NORMAL, TASK_SUCCEEDED, f"task {new.name}: succeeded{took}")
    if new.state == "Failed":
        return EmitEvent(WARNING, TASK_FAILED, f"task {new.name}: {new.message or new.reason}")
    if new.state == "Skipped":
        return EmitEvent(WARNING, TASK_SKIPPED, f"task {new.name}: {new.message or new.reason}")
    if old is not None and old.job_name and not new.job_name and old.reason != STOP_RESIZED:
        return EmitEvent(WARNING, TASK_RETRIED, f"task {new.name}: {new.message or new.reason}")
    return None

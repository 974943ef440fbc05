"""The conditions of a HeteroJob and a SchedulingPolicy: all types and reasons, listed here and nowhere else."""

from __future__ import annotations

from typing import Final

from heterosched.api.status import Condition
from heterosched.units import format_time

# Types, set from the first visit on (DeadlineAtRisk: where there is a deadline; Blocked, PowerCapAdvised: once true)
ACCEPTED: Final = "Accepted"
PLANNED: Final = "Planned"
RUNNING: Final = "Running"
COMPLETED: Final = "Completed"
FAILED: Final = "Failed"
SUSPENDED: Final = "Suspended"
DEADLINE_AT_RISK: Final = "DeadlineAtRisk"
TELEMETRY_AVAILABLE: Final = "TelemetryAvailable"
BLOCKED: Final = "Blocked"
POWER_CAP_ADVISED: Final = "PowerCapAdvised"

# Reasons of Accepted.
VALID: Final = "Valid"
CHECKING: Final = "CheckingTemplates"
DEPENDENCY_CYCLE: Final = "DependencyCycle"
UNKNOWN_DEPENDENCY: Final = "UnknownDependency"
UNKNOWN_POLICY: Final = "UnknownPolicy"
UNKNOWN_STRATEGY: Final = "UnknownStrategy"
INVALID_SPEC: Final = "InvalidSpec"
POWER_CAP_TOO_LOW: Final = "PowerCapTooLow"
DEADLINE_PASSED: Final = "DeadlinePassed"
TEMPLATE_REFUSED: Final = "TemplateRefused"
STARTED_TASK_CHANGED: Final = "StartedTaskChanged"

# Reasons of Accepted of a SchedulingPolicy, besides Valid and InvalidSpec.
UNKNOWN_HOOK: Final = "UnknownHook"
UNKNOWN_DEVICE: Final = "UnknownDevice"
QUERY_SILENT: Final = "QueryYieldsNothing"

# Reasons of Planned.
PLAN_FOUND: Final = "PlanFound"
ESTIMATES_MISSING: Final = "EstimatesMissing"
UNPLACEABLE: Final = "Unplaceable"
NOT_ACCEPTED: Final = "NotAccepted"
PLAN_FAILED: Final = "PlanFailed"

# Reasons of Running, Completed, Failed, Suspended.
TASKS_RUNNING: Final = "TasksRunning"
NOTHING_RUNS: Final = "NothingRuns"
ALL_TASKS_SUCCEEDED: Final = "AllTasksSucceeded"
TASKS_LEFT: Final = "TasksLeft"
TASK_FAILED: Final = "TaskFailed"
NO_FAILURE: Final = "NoFailure"
ACTIVE_DEADLINE_EXCEEDED: Final = "ActiveDeadlineExceeded"
SUSPEND_REQUESTED: Final = "SuspendRequested"
SUSPENDING: Final = "Suspending"
UNINSTALLED: Final = "Uninstalled"
NOT_SUSPENDED: Final = "NotSuspended"

# Reasons of PowerCapAdvised.
CAPS_CHOSEN: Final = "CapsChosen"
NO_CAP: Final = "NoCap"

# Reasons of DeadlineAtRisk, Blocked and TelemetryAvailable.
ON_TIME: Final = "OnTime"
LATE: Final = "PredictedLate"
DEADLINE_UNKNOWN: Final = "NoPrediction"
MISSED: Final = "DeadlineMissed"
JOBS_NOT_CREATED: Final = "JobsNotCreated"
PODS_MISSING: Final = "PodsNotCreated"
DECISION_FAILED: Final = "DecisionFailed"
NOT_BLOCKED: Final = "NotBlocked"
FRESH: Final = "Fresh"
UNREACHABLE: Final = "PrometheusUnavailable"
NOT_CONFIGURED: Final = "NotConfigured"

MESSAGE_LIMIT = 1024


def condition(type: str, holds: bool | None, reason: str, message: str) -> Condition:
    """A condition without its times; None stands for Unknown."""
    status = "Unknown" if holds is None else str(holds)
    return Condition(type=type, status=status, reason=reason, message=message[:MESSAGE_LIMIT], last_transition_time="")


def merged(old: list[Condition], new: list[Condition], generation: int, now: float) -> list[Condition]:
    """`new` with its times: a condition whose status stays keeps the time of its last transition.

    Conditions of types that `new` does not name are somebody else's and stay.
    """
    before = {known.type: known for known in old}
    done = [_stamped(before.get(fresh.type), fresh, generation, now) for fresh in new]
    named = {fresh.type for fresh in new}
    return done + [known for known in old if known.type not in named]


def _stamped(old: Condition | None, new: Condition, generation: int, now: float) -> Condition:
    since = old.last_transition_time if old is not None and old.status == new.status else format_time(int(now))
    return Condition(
        type=new.type,
        status=new.status,
        reason=new.reason,
        message=new.message,
        last_transition_time=since,
        observed_generation=generation,
    )

"""When a task's Job is created: as late as the plan allows, and never without a stated reason for waiting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from heterosched.planning.progress import WAITING
from heterosched.planning.types import JobPlan, TaskProgress

DUE: Final = ""
WAITING_FOR_DEPENDENCY: Final = "WaitingForDependency"
WAITING_FOR_RETRY: Final = "WaitingForRetry"
WAITING_FOR_DEVICE: Final = "WaitingForDevice"
WAITING_FOR_POWER: Final = "WaitingForPower"
WAITING_FOR_GANG: Final = "WaitingForGang"
WAITING_FOR_DEADLINE_SLACK: Final = "WaitingForDeadlineSlack"
QUOTA_EXCEEDED: Final = "QuotaExceeded"
NO_PLAN: Final = "NoPlan"

EARLY_SECONDS: Final = 0.001
"""A start this close counts as reached: sums of epoch seconds are no finer."""


def due(plan: JobPlan, progress: Mapping[str, TaskProgress], now: float) -> tuple[str, ...]:
    """Waiting tasks whose dependencies are done and whose planned start has come, in the order of their starts.

    Epoch seconds. Nothing is due in a plan with an error.
    """
    found = [name for name, reason in reasons(plan, progress, now).items() if reason == DUE]
    return tuple(sorted(found, key=lambda name: plan.schedule.assignments[name].start))


def reasons(plan: JobPlan, progress: Mapping[str, TaskProgress], now: float) -> dict[str, str]:
    """For every waiting task why it is not created yet, one CamelCase word; empty where it is due.

    NoPlan: the job cannot be planned, or this task came after the plan was made. WaitingForDevice: its nodes are busy.
    WaitingForGang: some of its workers would fit, but not all at once. WaitingForPower: starting it would pass a cap.
    QuotaExceeded: the namespace's quota is used up. WaitingForDeadlineSlack: it could run elsewhere at once, and waits
    for the device that its policy prefers because its deadline leaves the time.
    """
    if plan.graph is None:
        return {}
    return {
        name: _reason(plan, name, progress, now)
        for name in plan.graph.order
        if progress.get(name, WAITING).state == "Waiting"
    }


def _reason(plan: JobPlan, name: str, progress: Mapping[str, TaskProgress], now: float) -> str:
    own, graph = progress.get(name, WAITING), plan.graph
    assert graph is not None
    if any(progress.get(edge.producer, WAITING).state != "Succeeded" for edge in graph.parents[name]):
        return WAITING_FOR_DEPENDENCY
    if own.not_before is not None and own.not_before > now + EARLY_SECONDS:
        return WAITING_FOR_RETRY
    if plan.error is not None:
        return NO_PLAN
    if name not in plan.schedule.assignments:
        return plan.waiting.get(name, NO_PLAN)
    if plan.schedule.assignments[name].start <= now + EARLY_SECONDS:
        return DUE
    return plan.waiting.get(name, WAITING_FOR_DEVICE)

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

    NoPlan: the job cannot be planned, or this task came after the plan was made.
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
    if plan.error is not None or name not in plan.schedule.assignments:
        return NO_PLAN
    return DUE if plan.schedule.assignments[name].start <= now + EARLY_SECONDS else WAITING_FOR_DEVICE

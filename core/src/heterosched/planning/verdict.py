"""Whether a plan keeps its job's deadline and energy budget."""

from __future__ import annotations

import math
from collections.abc import Mapping

from heterosched.api import HeteroJob
from heterosched.errors import InvalidInput
from heterosched.model import Assignment, Schedule
from heterosched.units import parse_duration, parse_quantity, parse_time


def deadline_of(job: HeteroJob) -> float | None:
    """The deadline in epoch seconds; None where the job has none. Raises InvalidInput."""
    deadline, field = job.spec.deadline, "spec.deadline"
    if deadline is None:
        return None
    if (deadline.at is None) == (deadline.within is None):
        raise InvalidInput(job.label, field, "it has both forms or neither", "give either within or at")
    if deadline.at is not None:
        return parse_time(deadline.at, object=job.label, field=f"{field}.at")
    span = parse_duration(deadline.within or "", object=job.label, field=f"{field}.within")
    created = job.metadata.creation_timestamp
    return parse_time(created, object=job.label, field="metadata.creationTimestamp") + span if created else None


def budget_of(job: HeteroJob) -> float | None:
    """The energy budget in joules; None where the job has none. Raises InvalidInput."""
    budget = job.spec.energy_budget_joules
    if budget is None:
        return None
    return parse_quantity(budget, object=job.label, field="spec.energyBudgetJoules", positive=True)


def power_cap_of(job: HeteroJob) -> float | None:
    """What the job's tasks may draw together, in watts; None where it says nothing. Raises InvalidInput."""
    cap = job.spec.power_cap_watts
    if cap is None:
        return None
    return parse_quantity(cap, object=job.label, field="spec.powerCapWatts", positive=True)


def verdict(deadline: float | None, budget: float | None, schedule: Schedule, before: Mapping[str, Assignment]) -> str:
    """`Feasible`, `LateBy N s`, `OverBudget by N J`, or both of the latter; empty without deadline and budget.

    `before`: tasks that are done or on their way; their predicted joules count towards the budget.
    """
    if deadline is None and budget is None:
        return ""
    spent = sum(own.option.joules for name, own in before.items() if name not in schedule.assignments)
    finish = max((own.finish for own in (*before.values(), *schedule.assignments.values())), default=-math.inf)
    problems = []
    if deadline is not None and finish > deadline:
        problems.append(f"LateBy {math.ceil(finish - deadline)} s")
    if budget is not None and spent + schedule.joules > budget:
        problems.append(f"OverBudget by {math.ceil(spent + schedule.joules - budget)} J")
    return ", ".join(problems) or "Feasible"

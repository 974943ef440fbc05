"""Whether a plan keeps its job's deadline and energy budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from heterosched.api import HeteroJob
from heterosched.errors import InvalidInput
from heterosched.model import Assignment, Schedule
from heterosched.planning.types import Point
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


def sacrifice(budget: float | None, frontier: Sequence[Point], taken: Point) -> str:
    """What following a limit has cost although not all limits can be kept, with the remedy; empty where nothing.

    An energy budget (joules) comes before time: the way that breaks it least is taken, however slow that one is. A
    deadline alone is followed by the fastest way, however dear. `frontier`: the ways there are, fastest first.
    """
    if not frontier:
        return ""
    fastest, cheapest = frontier[0], frontier[-1]
    slower, dearer = round(taken.seconds - fastest.seconds), round(taken.joules - cheapest.joules)
    if budget is not None and slower > 0:
        cost = f"this way takes {slower} s longer than the fastest one"
        remedy = "for that one raise spec.energyBudgetJoules to what it draws or remove it"
        return f"the energy budget comes before time: {cost}; {remedy}"
    if budget is None and dearer > 0:
        cost = f"this way draws {dearer} J more than the cheapest one"
        return f"the deadline comes before energy: {cost}; for that one give a later deadline or none"
    return ""

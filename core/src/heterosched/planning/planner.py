"""The planner: all HeteroJobs together on one timeline of one cluster.

Jobs take their places in the order of priority, age and name. What runs or is about to run keeps its nodes until its
predicted finish; everything else is placed anew each time, so a plan follows what happens without remembering anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from heterosched.algorithms.base import Objective, Problem, Strategy, strategies
from heterosched.api import HeteroJob
from heterosched.errors import HeteroSchedError, InvalidInput, Unplaceable
from heterosched.model import Assignment, Cluster, Reservation, Schedule, TaskGraph
from heterosched.planning.graph import build_graph
from heterosched.planning.progress import WAITING, bound_to_options, fixed_assignments, held, lost, without
from heterosched.planning.types import JobPlan, JobState, PlanRequest, job_key
from heterosched.planning.verdict import budget_of, deadline_of, verdict
from heterosched.policy.table import PolicyRow, policy_row
from heterosched.units import parse_time

AUTO = "Auto"
AUTO_STRATEGY = "energy_heft"
BASELINE = "fifo"

HELD_SECONDS = 30 * 86400.0
"""Nodes that are held until further notice count as held for 30 days, so that the rest of a job can be planned."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A job that can be planned: its graph, what is fixed in it, how it is to be planned."""

    state: JobState
    graph: TaskGraph
    live: TaskGraph
    fixed: Mapping[str, Assignment]
    row: PolicyRow
    strategy: str
    deadline: float | None
    budget: float | None


def plan(request: PlanRequest) -> dict[str, JobPlan]:
    """A plan for every job, by `job_key`. Never raises for a bad job: its plan carries the error, the others go on."""
    known = strategies()
    plans: dict[str, JobPlan] = {}
    ready: list[_Ready] = []
    for state in sorted(request.jobs, key=_order):
        try:
            ready.append(_prepare(state, request, known))
            continue
        except HeteroSchedError as error:
            trouble = error
        except Exception as error:
            trouble = _unreadable(state.job, error)
        plans[job_key(state.job)] = JobPlan(state.job.spec.strategy, error=trouble)
    fixed = {job_key(job.state.job): job.fixed for job in ready}
    taken = [reservation for job in ready for reservation in held(job.fixed, request.now)]
    taken += [own for state in request.jobs for own in _unexplained(state, fixed.get(job_key(state.job), {}))]
    cluster = request.cluster.with_reservations(taken)
    for job in ready:
        plans[job_key(job.state.job)] = own = _place(job, cluster, request, known)
        if not job.state.job.spec.suspend:
            cluster = cluster.with_reservations(_reserved(own, job.fixed))
    return plans


def _unreadable(job: HeteroJob, error: Exception) -> InvalidInput:
    """A spec that nobody foresaw: it is its job's matter alone."""
    problem = f"it cannot be planned as it is ({type(error).__name__}: {error})"
    return InvalidInput(job.label, "spec", problem, "compare templates and quantities with the documentation")


def _unexplained(state: JobState, fixed: Mapping[str, Assignment]) -> Iterator[Reservation]:
    """What pods of the job hold although its spec (now) has no place for them: until further notice, as nobody knows
    how long they run. A job that was edited into nonsense keeps its nodes.
    """
    for name, own in state.progress.items():
        if name not in fixed:
            for node, demand in own.taken:
                yield Reservation(node, demand, 0.0, math.inf)


def objective_of(row: PolicyRow) -> Objective:
    """Time and energy as the policy weighs them; time alone where it weighs neither."""
    time, energy = row.weights.get("speed", 0), row.weights.get("energy", 0)
    return Objective(time, energy) if time or energy else Objective()


def _order(state: JobState) -> tuple[bool, int, float, str]:
    """Suspended jobs come last: their plan says what would be, and holds nothing."""
    job = state.job
    return job.spec.suspend, -state.priority, _created(state), job.key


def _created(state: JobState) -> float:
    """Creation in epoch seconds; a job that does not exist yet comes after all that do."""
    text = state.job.metadata.creation_timestamp
    try:
        return parse_time(text) if text else float("inf")
    except InvalidInput:
        return float("inf")


def _prepare(state: JobState, request: PlanRequest, known: Mapping[str, type[Strategy]]) -> _Ready:
    job = state.job
    row = policy_row(job.spec.policy, request.policies, job.label)
    strategy = AUTO_STRATEGY if job.spec.strategy == AUTO else job.spec.strategy
    if strategy not in known:
        names = ", ".join((AUTO, *sorted(known)))
        raise InvalidInput(job.label, "spec.strategy", f"unknown strategy {strategy!r}", f"use one of {names}")
    graph = build_graph(job, request.cluster, request.profiles)
    live = bound_to_options(without(graph, lost(graph, state.progress)), state.progress)
    fixed = fixed_assignments(live, state.progress, request.cluster, request.now, request.launch_seconds)
    return _Ready(state, graph, live, fixed, row, strategy, deadline_of(job), budget_of(job))


def _place(job: _Ready, cluster: Cluster, request: PlanRequest, known: Mapping[str, type[Strategy]]) -> JobPlan:
    """The plan of one job on what the jobs before it leave."""
    problem = Problem(
        job.live,
        cluster,
        request.now,
        objective_of(job.row),
        tuple((name, own.not_before) for name, own in job.state.progress.items() if own.not_before is not None),
        job.fixed,
        request.launch_seconds,
        request.now + HELD_SECONDS,
    )
    try:
        _refuse_numa(job)
        placed = known[job.strategy]().schedule(problem)
        wanted = job_key(job.state.job) in request.baselines
        baseline = known[BASELINE]().schedule(problem) if wanted else None
    except Unplaceable as error:
        named = Unplaceable(f"{error.task} of {job.state.job.label}", error.missing)
        return JobPlan(job.strategy, job.graph, error=named, verdict=f"NeedsDevice: {error}")
    except HeteroSchedError as error:
        return JobPlan(job.strategy, job.graph, error=error)
    except Exception as error:
        trouble = f"{job.state.job.label}: strategy {job.strategy} failed: {type(error).__name__}: {error}"
        return JobPlan(job.strategy, job.graph, error=HeteroSchedError(trouble))
    running = {name: own for name, own in job.fixed.items() if _unfinished(job.state, name)}
    schedule = Schedule({**running, **placed.assignments}, placed.ranks)
    missing = tuple(name for name in schedule.assignments if not job.graph.tasks[name].known)
    return JobPlan(
        job.strategy,
        job.graph,
        schedule,
        replace(baseline, assignments={**running, **baseline.assignments}) if baseline is not None else None,
        _critical_path(job, schedule),
        missing,
        _held(placed, cluster, request.now),
        verdict="" if missing else verdict(job.deadline, job.budget, schedule, job.fixed),
    )


def _refuse_numa(job: _Ready) -> None:
    """Nodes do not tell their NUMA topology (yet), so none can be proven to keep a task within one domain."""
    for task in job.state.job.spec.tasks:
        if task.devices.numa == "Required" and task.name in job.live.tasks and task.name not in job.fixed:
            known = "the NUMA topology of the nodes is not known to this version"
            raise Unplaceable(task.name, f"devices.numa is Required, but {known}; Preferred does without")


def _held(placed: Schedule, cluster: Cluster, now: float) -> tuple[str, ...]:
    """Tasks that wait for nodes which are held until further notice."""
    horizon = now + HELD_SECONDS
    if all(reservation.finish <= horizon for reservation in cluster.reservations):
        return ()
    return tuple(name for name, own in placed.assignments.items() if own.start >= horizon)


def _unfinished(state: JobState, name: str) -> bool:
    return state.progress.get(name, WAITING).state != "Succeeded"


def _critical_path(job: _Ready, schedule: Schedule) -> tuple[str, ...]:
    """The longest chain by the planned run times; finished tasks count with the time that was planned for them."""
    if not job.live.tasks:
        return ()
    seconds = {name: own.option.seconds for name, own in (*job.fixed.items(), *schedule.assignments.items())}
    return job.live.critical_path(seconds)


def _reserved(plan: JobPlan, fixed: Mapping[str, Assignment]) -> list[Reservation]:
    return [
        Reservation(node, own.option.demand, own.start, own.finish)
        for name, own in plan.schedule.assignments.items()
        if name not in fixed
        for node in own.nodes
    ]

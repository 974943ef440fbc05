"""The planner: all HeteroJobs together on one timeline of one cluster.

Jobs take their places in turn (`order`): graphs by their strategy, training by JPS for all jobs of a turn together.
What runs or is about to run keeps its nodes until its predicted finish. The rest is placed anew each time, but does not
move without a gain: the plan follows what happens, and remembers no more than the request tells it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from heterosched.algorithms.base import Objective, Strategy, strategies
from heterosched.api import HeteroJob
from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched.model import Assignment, Reservation, TaskGraph
from heterosched.planning.alignment import Alignment
from heterosched.planning.graph import build_graph
from heterosched.planning.health import avoiding, too_hot
from heterosched.planning.pools import check_caps, within_limits
from heterosched.planning.prepared import AUTO, Prepared
from heterosched.planning.progress import WAITING, bound_to_options, fixed_assignments, lost, shortened, without
from heterosched.planning.resuming import resumed
from heterosched.planning.selection import Selection
from heterosched.planning.session import BASELINE, HELD_SECONDS, Session
from heterosched.planning.training import JPS
from heterosched.planning.types import JobPlan, JobState, PlanRequest, job_key
from heterosched.planning.verdict import budget_of, deadline_of, power_cap_of
from heterosched.policy.plan_constants import Grounds, plan_constants
from heterosched.policy.rates import node_weights
from heterosched.policy.table import PolicyRow, policy_row
from heterosched.units import parse_time

__all__ = ["AUTO_STRATEGY", "BASELINE", "HELD_SECONDS", "objective_of", "plan"]

AUTO_STRATEGY = "portfolio"


def plan(request: PlanRequest) -> dict[str, JobPlan]:
    """A plan for every job, by `job_key`. Never raises for a bad job: its plan carries the error, the others go on."""
    known = strategies()
    plans: dict[str, JobPlan] = {}
    ready: list[Prepared] = []
    hot: dict[str, dict[str, str]] = {}
    selection = Selection(request.cluster.nodes)
    alignment = Alignment(request.cluster)
    devices = {node.name: node.device for node in request.cluster.nodes}
    for state in request.jobs:
        try:
            ready.append(_prepare(state, request, known, hot, selection, alignment, devices))
            continue
        except HeteroSchedError as error:
            trouble = error
        except Exception as error:
            trouble = _unreadable(state.job, error)
        plans[job_key(state.job)] = JobPlan(state.job.spec.strategy, error=trouble)
    ready = list(_weighing(request, ready))
    fixed = {job.key: job.fixed for job in ready}
    odd = [own for state in request.jobs for own in _unexplained(state, fixed.get(job_key(state.job), {}))]
    request = replace(request, cluster=request.cluster.with_reservations(odd)) if odd else request
    going_on = resumed(request, ready)
    ready = going_on.jobs
    if going_on.leaving:
        request = replace(request, cluster=request.cluster.with_reservations(going_on.leaving))
    rest = {job.key: plan_constants(job.row, _grounds(job, request)) for job in ready}
    found = Session(request, ready, known).plans()
    return {**plans, **{key: replace(own, constants=rest[key]) for key, own in found}}


def _weighing(request: PlanRequest, jobs: Sequence[Prepared]) -> Iterator[Prepared]:
    """The jobs with what a joule counts on each node, by the prices or emissions that their policies look at."""
    names = tuple(node.name for node in request.cluster.nodes)
    rows = {job.row.name: job.row for job in jobs}
    found = {name: node_weights(request.telemetry, row, names, request.now) for name, row in rows.items()}
    for job in jobs:
        yield replace(job, rates=found[job.row.name]) if found[job.row.name] else job


def _grounds(job: Prepared, request: PlanRequest) -> Grounds:
    """Which columns of the policy could matter to the job's plan."""
    open_training = (task.work.training is not None and task.name in job.open for task in job.state.job.spec.tasks)
    return Grounds(
        previous=job.key in request.previous,
        deadline=job.deadline is not None,
        telemetry=bool(request.telemetry.nodes),
        sized=job.state.job.spec.strategy in (AUTO, JPS) and any(open_training),
    )


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


def _created(state: JobState) -> float:
    """Creation in epoch seconds; a job that does not exist yet comes after all that do."""
    text = state.job.metadata.creation_timestamp
    try:
        return parse_time(text) if text else float("inf")
    except InvalidInput:
        return float("inf")


def _strategy(job: HeteroJob, known: Mapping[str, type[Strategy]]) -> str:
    """The strategy for what JPS does not size. Raises InvalidInput."""
    strategy = AUTO_STRATEGY if job.spec.strategy in (AUTO, JPS) else job.spec.strategy
    if strategy not in known:
        known_names = ", ".join((AUTO, *sorted({JPS, *known})))
        raise InvalidInput(job.label, "spec.strategy", f"unknown strategy {strategy!r}", f"use one of {known_names}")
    if job.spec.strategy == JPS and all(task.work.training is None for task in job.spec.tasks):
        raise InvalidInput(job.label, "spec.strategy", "jps sizes training, and no task has work.training", "use Auto")
    return strategy


def _too_hot(row: PolicyRow, request: PlanRequest, known: dict[str, dict[str, str]]) -> dict[str, str]:
    """Nodes that jobs of the policy avoid, worked out once for all of them."""
    if row.name not in known:
        before = {node for own in request.previous.values() for node in own.avoided}
        known[row.name] = too_hot(request.cluster, request.telemetry, row, request.now, before)
    return known[row.name]


def _prepare(
    state: JobState,
    request: PlanRequest,
    known: Mapping[str, type[Strategy]],
    hot: dict[str, dict[str, str]],
    selection: Selection,
    alignment: Alignment,
    devices: Mapping[str, str],
) -> Prepared:
    job, cluster = state.job, request.cluster
    row = policy_row(job.spec.policy, request.policies, job.label)
    strategy = _strategy(job, known)
    graph = build_graph(job, cluster, request.profiles, selection, row.node_selector)
    graph = shortened(graph, state.progress)
    live = without(graph, lost(graph, state.progress))
    fixed = fixed_assignments(live, state.progress, devices, request.now, request.launch_seconds)
    live = alignment(bound_to_options(live, state.progress), job)
    avoided = _too_hot(row, request, hot)
    cap = power_cap_of(job)
    check_caps(live, [n for n in live.tasks if state.progress.get(n, WAITING).state == "Waiting"], row, cap, cluster)
    economic = within_limits(live, row, cap, request.quotas.get(job.metadata.namespace, ()))
    tasks = {n: replace(t, options=economic[n]) if n in economic else t for n, t in live.tasks.items()}
    live = TaskGraph(tasks, live.edges, live.object) if economic else live
    live, cornered = avoiding(live, cluster, avoided)
    return Prepared(
        state,
        graph,
        live,
        fixed,
        row,
        strategy,
        deadline_of(job),
        budget_of(job),
        cap,
        _created(state),
        avoided,
        objective_of(row),
        cornered=cornered,
    )

"""From the world to the planner and back: one plan for all jobs together, and per job what it means now. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from heterosched.api.status import status_of
from heterosched.kube.convert import demand_of, moment
from heterosched.model import Reservation
from heterosched.planning.due import due
from heterosched.planning.planner import plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest, job_key
from heterosched_operator.conditions import ACCEPTED
from heterosched_operator.gangs import turns
from heterosched_operator.progress import observe, progress_of
from heterosched_operator.quotas import quotas_of
from heterosched_operator.reconcile import Advice
from heterosched_operator.sight import STOP_RESIZED, Observation
from heterosched_operator.world import World

STOPPING_SECONDS: Final = 30.0
"""Kubernetes' default grace period."""

RESIZING_SECONDS: Final = 60.0
"""For so long the end of a training that is resized is waited for: twice the grace period, as it has to save a lot."""


def observe_all(world: World) -> tuple[dict[str, Observation], dict[str, str]]:
    """Every job as it is seen now, by UID, and why the others cannot be read (somebody else has written the status)."""
    found: dict[str, Observation] = {}
    unreadable: dict[str, str] = {}
    for uid, job in world.jobs.items():
        try:
            found[uid] = observe(job, status_of(job), world)
        except Exception as error:  # whatever is odd about one job is no matter of the others
            unreadable[uid] = f"{job.label}: status: {type(error).__name__}: {error}"
    return found, unreadable


def request_for(observations: Mapping[str, Observation], world: World) -> PlanRequest:
    """What the planner is asked: all jobs that have not ended, and the nodes with what others hold on them."""
    active = [own for own in observations.values() if not own.finished and own.job.metadata.deletion_timestamp is None]
    baselines = frozenset(job_key(own.job) for own in active if not own.status.plan.baseline.strategy)
    return PlanRequest(
        jobs=[_state(observation, world) for observation in active],
        cluster=world.cluster.with_reservations(held_by_others(active, world)),
        now=world.now,
        policies=world.policies,
        profiles=world.profiles,
        launch_seconds=world.rules.launch_seconds,
        baselines=baselines,
        previous=world.plans,
        telemetry=world.readings,
        quotas=quotas_of(world.quotas, active),
        may_restart=True,
        restart_seconds=world.rules.restart_seconds,
    )


def resizing(observations: Iterable[Observation], now: float) -> bool:
    """Whether some training is on its way out to be run with another size: all that was sized with it waits for it, so
    that what it frees is shared as was planned. A node that is lost may never confirm the end: then not for long.
    """
    for own in observations:
        for sight in own.sights.values():
            if sight.record.job_name and sight.record.reason == STOP_RESIZED and not sight.leftovers:
                child = sight.child
                told = moment(child.metadata.deletion_timestamp, f"Job {child.key}") if child is not None else None
                if told is None or now - told < RESIZING_SECONDS:
                    return True
    return False


def held_by_others(active: Iterable[Observation], world: World) -> Iterator[Reservation]:
    """What is taken by pods of which the planner does not know: foreign ones until further notice, and those of ended
    attempts and jobs for as long as a pod commonly takes to stop.
    """
    known = {pod.metadata.uid for own in active for sight in own.sights.values() for pod in sight.pods}
    for pod in world.foreign:
        if pod.spec.node_name and not pod.finished:
            yield Reservation(pod.spec.node_name, demand_of(pod), 0.0, math.inf)
    for pods in world.pods.values():
        for pod in pods:
            if pod.spec.node_name and not pod.finished and pod.metadata.uid not in known:
                yield Reservation(pod.spec.node_name, demand_of(pod), 0.0, world.now + STOPPING_SECONDS)


def _state(observation: Observation, world: World) -> JobState:
    progress = {name: progress_of(sight, world.rules) for name, sight in observation.sights.items()}
    priority = world.priorities.get(observation.job.spec.priority_class_name, 0)
    verdict = observation.status.condition(ACCEPTED)
    refused = verdict is not None and verdict.status == "False"
    return JobState(observation.job, progress, priority, holds=not refused)


def advise(
    observations: Mapping[str, Observation], request: PlanRequest, plans: Mapping[str, JobPlan], world: World
) -> dict[str, Advice]:
    """Per job (by UID): its plan, the tasks that are due by it, the gangs that have their turn."""
    states = {job_key(state.job): state for state in request.jobs}
    held = resizing(observations.values(), world.now)
    having_turn = turns(observations.values(), world.priorities, world.nodes)
    found = {}
    for uid, observation in observations.items():
        key = job_key(observation.job)
        own = plans.get(key, JobPlan(observation.job.spec.strategy))
        names = due(own, states[key].progress, world.now) if key in states else ()
        if held:
            training = {task.name for task in observation.job.spec.tasks if task.work.training is not None}
            names = tuple(name for name in names if name not in training)
        members = frozenset(task for job, task in having_turn if job == uid)
        found[uid] = Advice(own, frozenset(names), members)
    return found


def planned(world: World) -> tuple[dict[str, Observation], dict[str, Advice], dict[str, str]]:
    """The whole decision's first half in one go: observe, plan, advise; and the jobs that cannot be read."""
    observations, unreadable = observe_all(world)
    request = request_for(observations, world)
    return observations, advise(observations, request, plan(request), world), unreadable

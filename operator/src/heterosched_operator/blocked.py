"""The condition Blocked beyond Jobs that cannot be created: Jobs that make no pods, and decisions that fail."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from heterosched.api import HeteroJob
from heterosched.api.status import Condition, HeteroJobStatus, state_of
from heterosched_operator import conditions as c
from heterosched_operator.actions import AskWhyNoPods
from heterosched_operator.conditions import condition, merged
from heterosched_operator.sight import PODS_NOT_CREATED, Observation, Sight, podless_since
from heterosched_operator.world import World

ASK_AGAIN = 60.0
"""Seconds after which the reason for missing pods is looked up anew."""


def with_missing_pods(observation: Observation, status: HeteroJobStatus, world: World) -> HeteroJobStatus:
    """The status, Blocked where a task's Job makes no pods; unchanged where Jobs themselves cannot be created."""
    stuck = [record for record in status.tasks if record.reason == PODS_NOT_CREATED and record.job_name]
    before = status.condition(c.BLOCKED)
    if not stuck or (before is not None and before.status == "True"):
        return status
    fresh = condition(c.BLOCKED, True, c.PODS_MISSING, f"task {stuck[0].name}: {stuck[0].message}")
    return replace(status, conditions=_with(observation, status.conditions, fresh, world.now))


def _with(observation: Observation, conditions: list[Condition], fresh: Condition, now: float) -> list[Condition]:
    """The conditions with `fresh` in its usual place before the last one, so that the order never changes."""
    old = observation.status.condition(fresh.type)
    stamped = merged([] if old is None else [old], [fresh], observation.job.metadata.generation, now)
    if any(own.type == fresh.type for own in conditions):
        return [stamped[0] if own.type == fresh.type else own for own in conditions]
    place = next((i for i, own in enumerate(conditions) if own.type == c.TELEMETRY_AVAILABLE), len(conditions))
    return [*conditions[:place], *stamped, *conditions[place:]]


def after_a_failed_decision(observation: Observation, error: Exception, now: float) -> HeteroJobStatus:
    """The status as it was, Blocked with what went wrong; the next decision that succeeds takes it back."""
    status = observation.status
    message = f"nothing can be decided for it, what runs goes on: {type(error).__name__}: {error}"
    fresh = condition(c.BLOCKED, True, c.DECISION_FAILED, message)
    blocked = replace(status, conditions=_with(observation, status.conditions, fresh, now))
    return replace(blocked, state=state_of(blocked))


def to_look_into(job: HeteroJob, sights: dict[str, Sight], world: World) -> Iterator[AskWhyNoPods]:
    """The attempts whose Job has made no pods for too long, and of which nobody has asked lately."""
    for name, sight in sights.items():
        moment = next_look(job, sight, world)
        if moment is not None and moment <= world.now and sight.child is not None:
            metadata = sight.child.metadata
            attempt = job.metadata.uid, name, sight.record.attempt
            yield AskWhyNoPods(attempt, metadata.name, metadata.uid, world.now)


def next_look(job: HeteroJob, sight: Sight, world: World) -> float | None:
    """When the lack of pods is to be looked into (epoch seconds); None where none is missing."""
    since = podless_since(sight, world.rules) if sight.record.state == "Created" else None
    answer = world.podless.get((job.metadata.uid, sight.record.name, sight.record.attempt))
    return since if since is None or answer is None else max(since, answer.at + ASK_AGAIN)

"""The heart of the operator: from what is seen of a job to what is to be done. Pure and level-triggered.

It may be called at any time, any number of times, after any crash: every decision follows from the persisted status,
the objects that exist and the clock. Intentions are persisted first (an attempt before its Job is created, a stop
before its Job is deleted): the status patch is the first action, and when it fails the others are not carried out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from heterosched.api import TaskSpec
from heterosched.api.status import Condition, HeteroJobStatus, TaskStatus, state_of
from heterosched.planning.types import JobPlan
from heterosched.planning.verdict import deadline_of
from heterosched.units import parse_duration, parse_time
from heterosched_operator import conditions as c
from heterosched_operator import gangs
from heterosched_operator.acceptance import accepted, probe_key, to_ask
from heterosched_operator.actions import (
    Action,
    CreateJob,
    CreateService,
    DeleteHeteroJob,
    DeleteJob,
    DryRun,
    LookForJob,
    MeasureEnergy,
    PatchStatus,
)
from heterosched_operator.blocked import next_look, to_look_into, with_missing_pods
from heterosched_operator.children import build_job, build_service
from heterosched_operator.closing import final_status, settle_energies
from heterosched_operator.events import events_of
from heterosched_operator.learning import lessons
from heterosched_operator.notes import build_note
from heterosched_operator.sight import FINAL, Observation, Sight, dependencies, finished_pods, retry_at
from heterosched_operator.status import attempt_record, pending_record
from heterosched_operator.stopping import edited, stopped, swept
from heterosched_operator.summary import summarised
from heterosched_operator.waiting import described
from heterosched_operator.world import World


@dataclass(frozen=True, slots=True)
class Advice:
    """What was decided for all jobs together: the job's plan, its tasks that are due, its gangs whose turn it is."""

    plan: JobPlan
    due: frozenset[str] = frozenset()
    turns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """Actions in their order, and the time (epoch seconds) at which to look again even if nothing happens."""

    actions: tuple[Action, ...] = ()
    wake_at: float | None = None


def reconcile(observation: Observation, world: World, advice: Advice) -> Decision:
    """What is to be done about a job."""
    job, old = observation.job, observation.status
    if job.metadata.deletion_timestamp is not None:
        return Decision()
    if observation.finished:
        return _after_the_end(observation, world)
    verdict = accepted(observation, advice.plan, world)
    records = _next_records(observation, world, advice, verdict)
    new = summarised(observation, records, advice.plan, verdict, world)
    new = with_missing_pods(observation, new, world)
    new = final_status(observation, new, advice.plan, world)
    new = replace(new, state=state_of(new))
    actions: list[Action] = []
    if new != old:
        actions += [PatchStatus(new), *events_of(old, new)]
    actions += _side_effects(observation, new, world, advice, verdict)
    return Decision(tuple(actions), _wake_at(observation, new, world, advice))


def _next_records(observation: Observation, world: World, advice: Advice, verdict: Condition) -> dict[str, TaskStatus]:
    records = settle_energies(observation, world)
    records = stopped(observation, records, advice.plan, world)
    records = swept(observation, records, verdict)
    job = observation.job
    may_start = verdict.status == "True" and not job.spec.suspend
    for task in job.spec.tasks:
        record = records[task.name]
        if record.state in FINAL or record.job_name:
            continue
        held = _held(task, records, observation.sights[task.name], world)
        if may_start and not held and task.name in advice.due and task.name in advice.plan.schedule.assignments:
            records[task.name] = attempt_record(job, task, record, advice.plan, world)
        elif may_start and not held and task.name in advice.plan.pending:
            records[task.name] = pending_record(job, task, record, advice.plan, world)
        else:
            records[task.name] = described(task, records, observation, advice.plan, verdict, world)
    return records


def _held(task: TaskSpec, records: dict[str, TaskStatus], sight: Sight, world: World) -> bool:
    """Whether the task may not start yet, whatever the plan says: the last guard against running anything twice."""
    before = retry_at(records[task.name], world.rules)
    return (
        any(records[name].state != "Succeeded" for name in dependencies(task) if name in records)
        or (before is not None and before > world.now)
        or bool(sight.leftovers or sight.strays)
        or sight.child is not None
    )


def _side_effects(
    observation: Observation, status: HeteroJobStatus, world: World, advice: Advice, verdict: Condition
) -> Iterator[Action]:
    if verdict.status != "False":
        for key, body in to_ask(observation, world):
            yield DryRun(key, body)
    records = {record.name: record for record in status.tasks}
    for name, sight in observation.sights.items():
        for stray in sight.strays:
            yield DeleteJob(stray.metadata.name, stray.metadata.uid)
        if sight.child is not None and name in records:
            yield from _on_child(name, sight, replace_record(sight, records[name]), observation, advice)
    if verdict.status == "True" and not observation.job.spec.suspend:
        yield from _creations(observation, records, world, advice)
    yield from _enquiries(observation, records, world, verdict)
    yield from to_look_into(observation.job, observation.sights, world)
    yield from _measurements(observation, records, world)
    yield from lessons(observation, records, world)


def replace_record(sight: Sight, record: TaskStatus) -> Sight:
    """The sight with the record as it has just been decided."""
    return Sight(record, sight.child, sight.pods, sight.leftovers, sight.strays)


def _on_child(name: str, seen: Sight, now: Sight, observation: Observation, advice: Advice) -> Iterator[Action]:
    child = seen.child
    if child is None:
        return
    if now.stopping and child.metadata.deletion_timestamp is None:
        yield DeleteJob(child.metadata.name, child.metadata.uid)
        return
    gang = any(task.name == name and task.workers.gang for task in observation.job.spec.tasks)
    if gang and now.record.job_name:
        release = gangs.release(now, name in advice.turns)
        if release is not None:
            yield release


def _enquiries(
    observation: Observation, records: dict[str, TaskStatus], world: World, verdict: Condition
) -> Iterator[Action]:
    """Attempts that are to be closed, or that ran, and whose Job is not seen: is it really not there?"""
    uid, tasks = observation.job.metadata.uid, {task.name: task for task in observation.job.spec.tasks}
    for name, sight in observation.sights.items():
        record = records.get(name)
        if record is None or not record.job_name or sight.child is not None or sight.leftovers:
            continue
        key = uid, name, record.attempt
        doubtful = record.state == "Running" or replace_record(sight, record).stopping
        if not doubtful and record.state == "Created":
            doubtful = verdict.status == "False" or name not in tasks or edited(observation.job, tasks[name], record)
        if doubtful and key not in world.absent:
            yield LookForJob(key, record.job_name)


def _creations(
    observation: Observation, records: dict[str, TaskStatus], world: World, advice: Advice
) -> Iterator[Action]:
    """The Jobs of all persisted attempts that do not exist: of this very decision, or left over by a crash."""
    job = observation.job
    graph = advice.plan.graph
    for task in job.spec.tasks:
        record, sight = records[task.name], observation.sights[task.name]
        missing = bool(record.job_name) and record.state == "Created" and sight.child is None
        if not missing or sight.leftovers or sight.strays or replace_record(sight, record).stopping:
            continue
        if edited(job, task, record):
            continue
        if task.workers.rendezvous:
            yield CreateService(build_service(job, task))
        planned = graph.tasks.get(task.name) if graph is not None else None
        row = world.policies.get(job.spec.policy)
        note = build_note(job, task, record, planned, records, world.device_nodes)
        body = build_job(job, task, record, note, world.device_nodes, row)
        key = probe_key(job, task, record.planned.device)
        yield CreateJob((job.metadata.uid, task.name, record.attempt), body, key)


def _measurements(observation: Observation, records: dict[str, TaskStatus], world: World) -> Iterator[Action]:
    if not world.telemetry.configured:
        return
    uid = observation.job.metadata.uid
    for name, record in records.items():
        asked = record.state == "Succeeded" and not record.energy_source
        if asked and (uid, name, record.attempt) not in world.energies:
            pods = tuple(pod.key for pod in finished_pods(observation, record, world))
            yield MeasureEnergy((uid, name, record.attempt), pods)


def _after_the_end(observation: Observation, world: World) -> Decision:
    """Nothing more happens to a finished job, but that what it has to teach is told and its time to live may end."""
    job, status = observation.job, observation.status
    strays = tuple(
        DeleteJob(stray.metadata.name, stray.metadata.uid)
        for sight in observation.sights.values()
        for stray in sight.strays
    )
    told = tuple(lessons(observation, {record.name: record for record in status.tasks}, world))
    if job.spec.ttl_after_finished is None or not status.completion_time:
        return Decision((*strays, *told))
    span = parse_duration(job.spec.ttl_after_finished, object=job.label, field="spec.ttlAfterFinished")
    end = parse_time(status.completion_time) + span
    last = (DeleteHeteroJob(),) if end <= world.now else ()
    return Decision((*strays, *told, *last), max(end, world.now))


def _wake_at(observation: Observation, status: HeteroJobStatus, world: World, advice: Advice) -> float | None:
    """The next moment at which the clock alone changes something; None where there is none."""
    job, now = observation.job, world.now
    moments: list[float] = []
    for record in status.tasks:
        if record.state in FINAL:
            continue
        if not record.job_name:
            moments.append(retry_at(record, world.rules) or now)
            assignment = advice.plan.schedule.assignments.get(record.name)
            moments.append(assignment.start if assignment is not None else now)
            continue
        child = observation.sights[record.name].child
        if child is None:
            continue
        look = next_look(job, observation.sights[record.name], world)
        moments += [look] if look is not None else []
        moments.append(world.releases.get(child.metadata.uid, now) + world.rules.release_timeout)
        if record.state == "Created" and child.metadata.creation_timestamp:
            moments.append(parse_time(child.metadata.creation_timestamp) + world.rules.bind_grace)
    deadline = deadline_of(job) if status.is_true(c.ACCEPTED) else None
    moments += [deadline] if deadline is not None else []
    if status.start_time and job.spec.active_deadline_seconds is not None:
        moments.append(parse_time(status.start_time) + job.spec.active_deadline_seconds)
    return min((moment for moment in moments if moment > now), default=None)

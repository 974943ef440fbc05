"""What finished tasks teach the ThroughputProfiles that they name. Pure, like everything that decides.

A run is offered as long as its profile does not remember it, so nothing is lost with the process, and it is counted
once because the profile's status keeps the names of its recent runs. The user's own figures are never written to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from msgspec.structs import replace

from heterosched.api import TaskSpec, ThroughputProfile
from heterosched.api.policy import LearnedDevice, LearnedRun, ThroughputProfileStatus
from heterosched.api.status import Condition, TaskStatus
from heterosched.errors import HeteroSchedError
from heterosched.kube.convert import demand_of, run_span
from heterosched.model import Link
from heterosched.model.correction import LEAST_SECONDS, Run, contradicts, is_new, learned, with_runs
from heterosched.planning.options import measured_throughput
from heterosched.units import format_quantity, format_time, parse_quantity, parse_time
from heterosched_operator.actions import TeachProfile
from heterosched_operator.closing import ESTIMATED
from heterosched_operator.conditions import condition, merged
from heterosched_operator.sight import Observation, finished_pods
from heterosched_operator.world import World

CONTRADICTED: Final = "Contradicted"
"""The only condition of a ThroughputProfile: whether its own figures are clearly not what is measured."""

RUNS_DIFFER: Final = "RunsDiffer"
RUNS_AGREE: Final = "RunsAgree"
TOO_FEW_RUNS: Final = "TooFewRuns"

_DIGITS: Final = 6
Kind = Literal["seconds", "samplesPerSecond"]


def lessons(observation: Observation, records: Mapping[str, TaskStatus], world: World) -> Iterator[TeachProfile]:
    """What the succeeded tasks of a job have to tell, one action for each profile."""
    namespace = observation.job.metadata.namespace
    found: dict[str, list[tuple[str, LearnedRun]]] = {}
    for task in observation.job.spec.tasks:
        profile = world.profiles.get((namespace, task.work.profile)) if task.work.profile else None
        record = records.get(task.name)
        if profile is None or record is None:
            continue
        told = lesson(observation, task, record, profile, world)
        if told is not None:
            found.setdefault(profile.metadata.uid, []).append(told)
    for uid, runs in found.items():
        yield TeachProfile(uid, tuple(runs), world.now)


def lesson(
    observation: Observation, task: TaskSpec, record: TaskStatus, profile: ThroughputProfile, world: World
) -> tuple[str, LearnedRun] | None:
    """A task's device and run; None where it teaches nothing or nothing new.

    Failed tasks, those that an earlier attempt has begun, those spread over several device types and those shorter than
    a second say nothing of the speed on one device. Neither does a run from before the profile was created, nor one for
    which a power cap was advised: whether it was set is not known here.
    """
    if record.state != "Succeeded" or not record.energy_source or record.done_share or not record.actual.finish:
        return None
    if record.planned.power_cap_watts:
        return None
    seconds = float(record.actual.seconds) if record.actual.seconds else 0.0
    devices = {worker.device for worker in record.workers if worker.device} or {record.planned.device}
    device = devices.pop()
    if devices or not device or seconds < LEAST_SECONDS:
        return None
    if parse_time(record.actual.finish) < parse_time(profile.metadata.creation_timestamp or record.actual.finish):
        return None
    value = _value(task, record, seconds, world.cluster.link)
    row = next((own for own in profile.status.devices if own.device == device), LearnedDevice(device=device))
    kind: Kind = "seconds" if task.work.training is None else "samplesPerSecond"
    if not value or kind != _kind(profile, row, kind):
        return None
    key = f"{observation.job.metadata.uid}/{record.name}/{record.attempt}"
    if not is_new(Run(key, parse_time(record.actual.finish), float(value)), _runs(row)):
        return None
    own = LearnedRun(run=key, finished_at=record.actual.finish, watts=_watts(observation, record, world))
    if kind == "seconds":
        return device, replace(own, seconds=value)
    return device, replace(own, samples_per_second=value)


def _value(task: TaskSpec, record: TaskStatus, seconds: float, link: Link) -> str:
    """Seconds, or for training the samples per second of one worker; empty where that is not known.

    Gradients of workers that all ran on one node went no way: taken off they would make the GPUs look faster.
    """
    training = task.work.training
    if training is None:
        return format_quantity(seconds, _DIGITS)
    together = len({worker.node for worker in record.workers if worker.node}) == 1
    try:
        transfer = 0.0 if together else parse_quantity(training.gradient_bytes or 0) / link.bytes_per_second
    except HeteroSchedError:
        return ""
    speed = measured_throughput(training, max(1, len(record.workers)), seconds, transfer)
    text = "" if speed is None else format_quantity(speed, _DIGITS)
    return text if text and float(text) > 0 else ""


def _watts(observation: Observation, record: TaskStatus, world: World) -> str:
    """Mean watts of one GPU over the run, of the whole worker where it has none; empty where its energy was not
    measured, or its pods are gone.
    """
    if record.energy_source == ESTIMATED or not record.energy_joules:
        return ""
    held = 0.0
    for pod in finished_pods(observation, record, world):
        span = run_span(pod)
        if span is not None and pod.status.phase == "Succeeded":
            held += (span[1] - span[0]) * (demand_of(pod).gpus or 1.0)
    return format_quantity(float(record.energy_joules) / held, _DIGITS) if held > 0 else ""


def _kind(profile: ThroughputProfile, row: LearnedDevice, otherwise: Kind) -> Kind:
    """What the profile speaks of on this device: a row must not mix run times with throughputs."""
    given = next((own for own in profile.spec.devices if own.device == row.device), None)
    if given is not None:
        return "seconds" if given.seconds is not None else "samplesPerSecond"
    if row.recent:
        return "seconds" if row.recent[0].seconds else "samplesPerSecond"
    return otherwise


def _runs(row: LearnedDevice) -> list[Run]:
    """The runs that a row remembers; what holds no usable figure (somebody else has written it) is left out."""
    found = []
    for own in row.recent:
        value = float(own.seconds or own.samples_per_second or 0)
        if value > 0:
            watts = float(own.watts) if own.watts else None
            found.append(Run(own.run, parse_time(own.finished_at), value, watts))
    return found


def taught(
    profile: ThroughputProfile, runs: Sequence[tuple[str, LearnedRun]], origin: str, now: float
) -> ThroughputProfileStatus:
    """The profile's status with these runs, as it was where it knows them all. `origin`: measured or simulated."""
    rows = {row.device: row for row in profile.status.devices}
    changed = False
    for device in dict.fromkeys(device for device, _ in runs):
        row = rows.get(device, LearnedDevice(device=device))
        fresh = _row(row, [run for own, run in runs if own == device], origin, now)
        changed = changed or fresh != row
        rows[device] = fresh
    if not changed:
        return profile.status
    status = ThroughputProfileStatus(
        observed_generation=profile.metadata.generation,
        updated_at=format_time(int(now)),
        devices=list(rows.values()),
    )
    own = [_contradicted(profile, status)]
    generation = profile.metadata.generation
    return replace(status, conditions=merged(profile.status.conditions, own, generation, now))


def _row(row: LearnedDevice, told: Sequence[LearnedRun], origin: str, now: float) -> LearnedDevice:
    timed = bool(told[0].seconds)
    told = [own for own in told if bool(own.seconds) == timed]  # two tasks of a job may differ in kind
    known = _runs(replace(row, recent=[own for own in row.recent if bool(own.seconds) == timed]))
    runs = with_runs(known, _runs(LearnedDevice(device=row.device, recent=list(told))))
    found = learned(runs)
    if found is None or {run.key for run in runs} == {run.key for run in known}:
        return row
    as_told = {own.run: own for own in (*told, *row.recent)}
    recent = [replace(as_told[run.key], outlier=run.key in found.outliers) for run in runs]
    value = format_quantity(found.value, _DIGITS)
    return LearnedDevice(
        device=row.device,
        seconds=value if timed else None,
        samples_per_second=None if timed else value,
        watts=None if found.watts is None else format_quantity(found.watts, _DIGITS),
        origin=origin,
        samples=found.count,
        confidence_percent=found.confidence_percent,
        updated_at=format_time(int(now)),
        recent=recent,
    )


def _contradicted(profile: ThroughputProfile, status: ThroughputProfileStatus) -> Condition:
    """Whether what is measured differs clearly from the user's own figures, device by device."""
    rows = {row.device: row for row in status.devices}
    said, compared = [], False
    for given in profile.spec.devices:
        row = rows.get(given.device)
        if row is None:
            continue
        for field, unit, ours, theirs in (
            ("seconds", "s", row.seconds, given.seconds),
            ("samplesPerSecond", "samples/s", row.samples_per_second, given.samples_per_second),
            ("watts", "W", row.watts, given.watts),
        ):
            if ours is None or theirs is None:
                continue
            compared = True
            where = f"spec.devices[{given.device}].{field}"
            value, own = float(ours), parse_quantity(theirs, object=profile.label, field=where, positive=True)
            if contradicts(value, row.samples, own):
                said.append(f"{where} is {own:g}, {row.samples} runs took {value:g} {unit}")
    if said:
        advice = "; the runs are planned with, correct the spec if it was meant for today's hardware"
        return condition(CONTRADICTED, True, RUNS_DIFFER, "; ".join(said) + advice)
    if compared:
        return condition(CONTRADICTED, False, RUNS_AGREE, "no three runs differ by more than 20 % from the spec")
    return condition(CONTRADICTED, False, TOO_FEW_RUNS, "no run can be compared with a figure of the spec")

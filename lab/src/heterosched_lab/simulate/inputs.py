"""A trace and a fleet as arrays, checked: what cannot be simulated is refused by name before anything runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from heterosched.errors import InvalidInput
from heterosched_lab.simulate.fleet import NOISE
from heterosched_lab.simulate.types import Conditions, Floats, Ints, SimJob, SimNode


@dataclass(frozen=True)
class Trace:
    """Jobs as arrays. `seconds`: jobs x device types of the fleet, NaN where a job cannot run; `order`: by arrival."""

    devices: tuple[str, ...]
    arrival: Floats
    seconds: Floats
    order: Ints
    rejected: tuple[int, ...]


def trace_of(jobs: Sequence[SimJob], nodes: Sequence[SimNode], conditions: Conditions) -> Trace:
    """Check and convert. Raises InvalidInput (object, field, remedy); jobs too large for the fleet are `rejected`."""
    check_inputs(jobs, nodes, conditions)
    devices = tuple(dict.fromkeys(node.device for node in nodes))
    arrival = np.array([job.arrival for job in jobs], dtype=np.float64)
    seconds = np.array([[job.seconds.get(d, math.nan) for d in devices] for job in jobs], dtype=np.float64)
    amount = {d: sum(node.gpus for node in nodes if node.device == d) for d in devices}
    rejected = tuple(index for index, job in enumerate(jobs) if not _could_run(job, amount))
    order = np.argsort(arrival, kind="stable").astype(np.int64)
    return Trace(devices, arrival, seconds.reshape(len(jobs), len(devices)), order, rejected)


def sealed(jobs: Sequence[SimJob]) -> tuple[SimJob, ...]:
    """The same jobs with mappings that cannot be written to: the checker believes what they say after the run, too."""
    shut = MappingProxyType
    return tuple(replace(own, seconds=shut(own.seconds), watts=shut(own.watts), caps=shut(own.caps)) for own in jobs)


def _could_run(job: SimJob, amount: dict[str, int]) -> bool:
    per_device = math.floor(1 / job.share + NOISE)
    return any(job.workers <= amount.get(device, 0) * per_device for device in job.seconds)


def check_inputs(jobs: Sequence[SimJob], nodes: Sequence[SimNode], conditions: Conditions) -> None:
    """Raises InvalidInput on the first thing that cannot be simulated."""
    if not nodes:
        raise InvalidInput("fleet", "nodes", "there is no node", "give at least one")
    for title, names in (("job", [job.name for job in jobs]), ("node", [node.name for node in nodes])):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise InvalidInput(f"{title} {name}", "name", "stands twice", "give each its own name")
            seen.add(name)
    for problem in (*_bad_nodes(nodes), *_bad_conditions(conditions, len(nodes))):
        raise problem
    for job in jobs:
        for problem in (*_bad_job(job), *_bad_points(job)):
            raise problem


def _bad_nodes(nodes: Sequence[SimNode]) -> Iterator[InvalidInput]:
    for node in nodes:
        where = f"node {node.name}"
        if node.gpus < 0:
            yield InvalidInput(where, "gpus", f"{node.gpus}", "give zero or more")
        for field, watts in (("idle_watts", node.idle_watts), ("host_watts", node.host_watts)):
            if not 0 <= watts < math.inf:
                yield InvalidInput(where, field, f"{watts!r} W", "give a finite power, zero or more")


def _bad_job(job: SimJob) -> Iterator[InvalidInput]:
    where = f"job {job.name}"
    if not 0 <= job.arrival < math.inf:
        yield InvalidInput(where, "arrival", f"{job.arrival!r} s", "give a finite time, zero or more")
    if job.workers < 1:
        yield InvalidInput(where, "workers", f"{job.workers}", "give at least one")
    if not 0 < job.share <= 1:
        yield InvalidInput(where, "share", f"{job.share!r}", "give a share above 0, at most 1")
    if math.isnan(job.deadline):
        yield InvalidInput(where, "deadline", "nan s", "give a time, or infinity for none")
    if not 0 <= job.priority < math.inf:
        yield InvalidInput(where, "priority", f"{job.priority!r}", "give a finite figure, zero or more")


def _bad_points(job: SimJob) -> Iterator[InvalidInput]:
    where = f"job {job.name}"
    for device, seconds in job.seconds.items():
        if not 0 < seconds < math.inf:
            yield InvalidInput(where, f"seconds[{device}]", f"{seconds!r} s", "give a finite time above zero")
    for device, watts in job.watts.items():
        if not 0 <= watts < math.inf:
            yield InvalidInput(where, f"watts[{device}]", f"{watts!r} W", "give a finite power, zero or more")
    for device, points in job.caps.items():
        for cap, seconds, watts in points:
            if not (0 < cap < math.inf and 0 < seconds < math.inf and 0 <= watts < math.inf):
                problem = f"cap {cap!r} W, {seconds!r} s, {watts!r} W"
                yield InvalidInput(where, f"caps[{device}]", problem, "give finite figures above zero")


def _bad_conditions(own: Conditions, nodes: int) -> Iterator[InvalidInput]:
    for field in ("switch_seconds", "noise", "telemetry_delay", "telemetry_noise"):
        value: float = getattr(own, field)
        if not 0 <= value < math.inf:
            yield InvalidInput("conditions", field, f"{value!r}", "give a finite figure, zero or more")
    if not own.checkpoint_seconds >= 0:
        yield InvalidInput("conditions", "checkpoint_seconds", f"{own.checkpoint_seconds!r}", "give zero or more")
    if not own.until >= 0:
        yield InvalidInput("conditions", "until", f"{own.until!r}", "give a time, zero or more")
    for loss in own.losses:
        if not 0 <= loss.node < nodes:
            yield InvalidInput("conditions", "losses", f"node {loss.node} of {nodes}", "name a node of the fleet")
        if not 0 <= loss.start < loss.finish:
            problem = f"node {loss.node} is down from {loss.start!r} to {loss.finish!r}"
            yield InvalidInput("conditions", "losses", problem, "give a start before the finish")

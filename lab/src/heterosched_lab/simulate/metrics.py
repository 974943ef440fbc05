"""Every figure of a run, recomputed from its log and the truth about jobs and nodes alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heterosched_lab.simulate.log import Cause, Log
from heterosched_lab.simulate.types import Conditions, Floats, Ints, SimJob, SimNode


@dataclass(frozen=True)
class Metrics:
    """Seconds, joules, counts. A job completion time (JCT) runs from arrival to finish; `waiting` to the first start.

    Arrays are by job, NaN where a job did not come so far; means and percentiles are over the finished jobs.
    `makespan`: from the first arrival to the last finish (to the end of the run where it was cut). `busy_joules`: what
    jobs draw while they work, `idle_joules` what devices draw that do not work (free, held or starting up a job) and
    `host_joules` what hosts draw that are up; `job_joules` has the first of these by job. `utilisation`: device-seconds
    of work over those of devices that are up. `switches`: how often a job came back after a stop or a loss, or moved.
    `deadline_misses`: jobs whose deadline passed before they finished. `lost_seconds`: work that node losses undid.
    """

    jobs: int
    finished: int
    rejected: int
    makespan: float
    mean_jct: float
    p50_jct: float
    p95_jct: float
    p99_jct: float
    mean_waiting: float
    busy_joules: float
    idle_joules: float
    host_joules: float
    utilisation: float
    switches: int
    deadline_misses: int
    lost_seconds: float
    decisions: int
    jct: Floats
    waiting: Floats
    finish: Floats
    job_joules: Floats

    @property
    def joules(self) -> float:
        """All parts together."""
        return self.busy_joules + self.idle_joules + self.host_joules


def point_of(job: SimJob, device: str, cap: float) -> tuple[float, float] | None:
    """Seconds of the whole job and watts of a worker on a device type under a cap (0: none); None: cannot run so."""
    if cap:
        return next(((seconds, watts) for own, seconds, watts in job.caps.get(device, ()) if own == cap), None)
    return (job.seconds[device], job.watts.get(device, 0.0)) if device in job.seconds else None


def up_seconds(nodes: Sequence[SimNode], conditions: Conditions, begin: float, end: float) -> Floats:
    """How long each node is up between two times; losses may overlap."""
    up = np.full(len(nodes), end - begin)
    for node in {loss.node for loss in conditions.losses}:
        reached = begin
        for loss in sorted((own for own in conditions.losses if own.node == node), key=lambda own: own.start):
            start, finish = max(reached, loss.start), min(end, loss.finish)
            up[node] -= max(0.0, finish - start)
            reached = max(reached, finish)
    return up


@dataclass
class _Sums:
    """What the stretches add up to; arrays by job. `instead`: idle joules that working devices do not draw."""

    first: Floats
    finish: Floats
    joules: Floats
    working: float = 0.0
    instead: float = 0.0
    lost: float = 0.0
    switches: int = 0


def _summed(log: Log, jobs: Sequence[SimJob], nodes: Sequence[SimNode]) -> _Sums:
    owner = np.repeat(np.arange(len(nodes)), [node.gpus for node in nodes])
    found = _Sums(np.full(len(jobs), np.nan), np.full(len(jobs), np.nan), np.zeros(len(jobs)))
    last: dict[int, int] = {}
    for row in range(len(log)):
        job = int(log.job[row])
        own, places = jobs[job], [nodes[int(node)] for node in nodes_of(log, row, owner)]
        seconds, watts = point_of(own, places[0].device, float(log.cap[row])) or (math.nan, math.nan)
        spent = max(0.0, float(log.finish[row] - log.work[row]))
        found.joules[job] += watts * own.workers * spent
        found.instead += own.share * sum(node.idle_watts for node in places) * spent
        found.working += own.share * own.workers * spent
        if job not in last:
            found.first[job] = log.start[row]
        else:
            found.switches += not _stays(log, last[job], row, owner)
        last[job] = row
        if log.cause[row] == Cause.FINISHED:
            found.finish[job] = log.finish[row]
        if log.cause[row] == Cause.LOST:
            found.lost += max(0.0, spent - float(log.after[row] - log.before[row]) * seconds)
    return found


def measure(log: Log, jobs: Sequence[SimJob], nodes: Sequence[SimNode], conditions: Conditions) -> Metrics:
    """The figures of a log that `check` has found to be true."""
    sums = _summed(log, jobs, nodes)
    up = up_seconds(nodes, conditions, log.begin, log.end)
    devices, idle, host = (
        np.array([getattr(node, name) for node in nodes], dtype=np.float64)
        for name in ("gpus", "idle_watts", "host_watts")
    )
    arrival = np.array([job.arrival for job in jobs], dtype=np.float64)
    jct, waiting = sums.finish - arrival, sums.first - arrival
    ended = ~np.isnan(jct)
    late = [job.deadline < (log.end if math.isnan(end) else end) for job, end in zip(jobs, sums.finish, strict=True)]
    capacity = float(sum(up * devices))
    p50, p95, p99 = np.percentile(jct[ended], (50, 95, 99)) if ended.any() else (math.nan,) * 3
    return Metrics(
        jobs=len(jobs),
        finished=int(ended.sum()),
        rejected=len(log.rejected),
        makespan=log.end - log.begin,
        mean_jct=float(jct[ended].mean()) if ended.any() else math.nan,
        p50_jct=float(p50),
        p95_jct=float(p95),
        p99_jct=float(p99),
        mean_waiting=float(waiting[ended].mean()) if ended.any() else math.nan,
        busy_joules=float(sums.joules.sum()),
        idle_joules=float(sum(up * devices * idle)) - sums.instead,
        host_joules=float(sum(up * host)),
        utilisation=sums.working / capacity if capacity else 0.0,
        switches=sums.switches,
        deadline_misses=sum(late),
        lost_seconds=sums.lost,
        decisions=len(log.decisions),
        jct=jct,
        waiting=waiting,
        finish=sums.finish,
        job_joules=sums.joules,
    )


def nodes_of(log: Log, row: int, owner: Ints) -> Ints:
    """The node of each worker of a row; `owner` has the node of each device."""
    found: Ints = owner[log.devices[log.offsets[row] : log.offsets[row + 1]]]
    return found


def _stays(log: Log, before: int, row: int, owner: Ints) -> bool:
    """Whether a job only goes on where it was, under another cap."""
    if log.finish[before] != log.start[row] or log.cause[before] != Cause.STOPPED:
        return False
    return sorted(nodes_of(log, before, owner)) == sorted(nodes_of(log, row, owner))

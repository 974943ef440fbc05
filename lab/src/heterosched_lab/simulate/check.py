"""The independent checker: recomputes a run from its log and refuses one that cannot be true.

It shares nothing with the engine but the types and the log, so that a slip of the engine shows here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from heterosched_lab.simulate.log import Broken, Cause, Log
from heterosched_lab.simulate.metrics import Metrics, measure, nodes_of, point_of
from heterosched_lab.simulate.types import Conditions, SimJob, SimNode

CLOSE = 1e-5
"""Seconds by which sums of times may differ from rounding alone."""


def check(log: Log, jobs: Sequence[SimJob], nodes: Sequence[SimNode], conditions: Conditions) -> Metrics:
    """All figures of a run, recomputed. Raises Broken, naming the scheduler, where the log breaks a rule."""
    _Check(log, jobs, nodes, conditions).all()
    return measure(log, jobs, nodes, conditions)


class _Check:
    def __init__(self, log: Log, jobs: Sequence[SimJob], nodes: Sequence[SimNode], conditions: Conditions) -> None:
        self._log, self._jobs, self._nodes, self._conditions = log, jobs, nodes, conditions
        self._owner = np.repeat(np.arange(len(nodes)), [node.gpus for node in nodes])
        self._rows: dict[int, list[int]] = {}

    def all(self) -> None:
        self._shape()
        for row in range(len(self._log)):
            self._rows.setdefault(int(self._log.job[row]), []).append(row)
            self._gang(row)
            self._work(row)
        for job, rows in self._rows.items():
            self._history(job, rows)
        self._capacity()
        self._losses()
        self._decisions()
        self._ending()

    def _broken(self, problem: str, at: float | None = None) -> Broken:
        return Broken(self._log.scheduler, f"the log is not true: {problem}", at)

    def _name(self, row: int) -> str:
        return self._jobs[int(self._log.job[row])].name

    def _shape(self) -> None:
        log, count = self._log, len(self._log)
        columns = (log.start, log.work, log.finish, log.freed, log.cap, log.before, log.after, log.cause)
        if any(len(column) != count for column in columns) or len(log.offsets) != count + 1:
            raise self._broken("its columns are not equally long")
        if not all(np.isfinite(column).all() for column in columns):
            raise self._broken("it holds a figure that is no finite number")
        if log.offsets[0] != 0 or log.offsets[-1] != len(log.devices) or (np.diff(log.offsets) < 0).any():
            raise self._broken("its devices do not belong to its rows")
        if count and not (log.job.min() >= 0 and log.job.max() < len(self._jobs)):
            raise self._broken("it runs a job that there is not")
        if len(log.devices) and not (log.devices.min() >= 0 and log.devices.max() < len(self._owner)):
            raise self._broken("it uses a device that there is not")
        if not set(np.unique(log.cause)) <= {Cause.FINISHED, Cause.STOPPED, Cause.LOST, Cause.CUT}:
            raise self._broken("a stretch has no known cause of its end")

    def _gang(self, row: int) -> None:
        own = self._jobs[int(self._log.job[row])]
        at = float(self._log.start[row])
        places = nodes_of(self._log, row, self._owner)
        if len(places) != own.workers:
            raise self._broken(f"{own.name} has {len(places)} devices for {own.workers} workers", at)
        if len({self._nodes[int(node)].device for node in places}) != 1:
            raise self._broken(f"{own.name} is spread over several device types", at)

    def _work(self, row: int) -> None:
        """Seconds of work at the speed of the device make the share of work that is done, no more and no less."""
        log, own = self._log, self._jobs[int(self._log.job[row])]
        start, work, end = float(log.start[row]), float(log.work[row]), float(log.finish[row])
        before, after, cause = float(log.before[row]), float(log.after[row]), Cause(int(log.cause[row]))
        device = self._nodes[int(nodes_of(log, row, self._owner)[0])].device
        point = point_of(own, device, float(log.cap[row]))
        if point is None:
            raise self._broken(f"{own.name} cannot run on {device} under a cap of {log.cap[row]:g} W", start)
        if not (log.begin - CLOSE <= start <= end + CLOSE and end <= log.end + CLOSE and start <= work):
            raise self._broken(f"{own.name} runs from {start:.6f} to {end:.6f} s", start)
        worked, every = max(0.0, end - work), self._conditions.checkpoint_seconds
        if cause is Cause.LOST and every:
            kept = 0.0 if math.isinf(every) else math.floor(worked / every + 1e-9) * every
        else:
            kept = worked
        expected = before + kept / point[0]
        slack = CLOSE / point[0] + 1e-9
        if abs(expected - after) > slack or not -1e-12 <= after <= 1 + 1e-12:
            raise self._broken(f"{own.name} has {after:.9f} of its work done where {expected:.9f} is", end)
        if before + worked / point[0] > 1 + slack or (cause is Cause.FINISHED and abs(after - 1) > slack):
            raise self._broken(f"{own.name} ends with {before + worked / point[0]:.9f} of its work", end)

    def _history(self, job: int, rows: Sequence[int]) -> None:
        """One stretch after the other, from nothing done to the end, each with the start-up that is due."""
        log, own = self._log, self._jobs[job]
        first = rows[0]
        if log.start[first] < own.arrival:
            raise self._broken(f"{own.name} starts before it arrives", float(log.start[first]))
        if log.before[first] != 0 or log.work[first] != log.start[first]:
            raise self._broken(f"{own.name} does not begin at its beginning", float(log.start[first]))
        for before, row in pairwise(rows):
            at = float(log.start[row])
            if log.cause[before] not in (Cause.STOPPED, Cause.LOST):
                raise self._broken(f"{own.name} runs on after its end", at)
            if at < log.finish[before]:
                raise self._broken(f"{own.name} runs twice at a time", at)
            if log.before[row] != log.after[before]:
                raise self._broken(f"{own.name} does not go on where it was", at)
            if abs(float(log.work[row]) - at - self._due(before, row)) > CLOSE:
                problem = f"start-up of {log.work[row] - at:.6f} s where {self._due(before, row):.6f} s are due"
                raise self._broken(f"{own.name}: {problem}", at)

    def _due(self, before: int, row: int) -> float:
        log = self._log
        stays = log.cause[before] == Cause.STOPPED and log.finish[before] == log.start[row]
        places = [sorted(nodes_of(log, own, self._owner)) for own in (before, row)]
        if stays and places[0] == places[1]:
            return max(0.0, float(log.work[before] - log.start[row]))
        return self._conditions.switch_seconds

    def _capacity(self) -> None:
        """No device is used to more than the whole of it at any time; what ends makes room for what starts."""
        log = self._log
        counts = np.diff(log.offsets)
        share = np.repeat([self._jobs[int(job)].share for job in log.job], counts)
        row = np.repeat(np.arange(len(log)), counts)
        late = log.freed - log.finish
        if (late < 0).any() or (late > log.round_seconds + CLOSE).any() or (log.freed > log.end + CLOSE).any():
            raise self._broken("a device is held longer than its round, or not even for its job")
        if (late[log.cause == Cause.STOPPED] != 0).any():
            raise self._broken("a job that is stopped holds its devices")
        device = np.concatenate((log.devices, log.devices))
        time = np.concatenate((log.start[row], log.freed[row]))
        change = np.concatenate((share, -share))
        order = np.lexsort((change, time, device))
        used = np.cumsum(change[order])
        if len(used) and used.max() > 1 + 1e-6:
            at = order[int(used.argmax())]
            node = self._nodes[int(self._owner[device[at]])].name
            name = self._name(int(row[at % len(row)]))
            raise self._broken(f"a device of {node} is used twice, by {name} among others", float(time[at]))

    def _losses(self) -> None:
        """Nothing runs on a node that is down, and only a node that goes down ends a job as lost."""
        log = self._log
        counts = np.diff(log.offsets)
        row, node = np.repeat(np.arange(len(log)), counts), self._owner[log.devices]
        excused = np.zeros(len(log), dtype=bool)
        for loss in self._conditions.losses:
            mine = row[node == loss.node]
            during = mine[(log.start[mine] < loss.finish) & (log.finish[mine] > loss.start)]
            late = mine[(log.start[mine] >= loss.start) & (log.start[mine] < loss.finish)]
            for own in (*during, *late):
                problem = f"{self._name(int(own))} runs on {self._nodes[loss.node].name}, which is down"
                raise self._broken(problem, loss.start)
            excused[mine[log.finish[mine] == loss.start]] = True
        for own in np.flatnonzero((log.cause == Cause.LOST) & ~excused):
            raise self._broken(f"{self._name(int(own))} is lost with no node of its own", float(log.finish[own]))

    def _decisions(self) -> None:
        """Everything starts and stops when the scheduler was asked, and rounds are as long as they should be."""
        log, known = self._log, self._log.decisions
        if (np.diff(known) <= 0).any():
            raise self._broken("its decisions are not in order of time")
        for times, what in ((log.start, "starts"), (log.finish[log.cause == Cause.STOPPED], "stops")):
            if not np.isin(times, known).all():
                raise self._broken(f"a job {what} when nobody was asked")
        if not log.round_seconds:
            if (log.freed != log.finish).any():
                raise self._broken("a device is held without rounds")
            return
        latest = np.full(len(known), -np.inf)
        low, high = np.searchsorted(known, log.start), np.searchsorted(known, log.finish)
        for row in range(len(log)):
            span = slice(int(low[row]), int(high[row]))
            latest[span] = np.maximum(latest[span], log.finish[row])
        for index in range(len(known) - 1):
            ends, after = float(known[index]) + log.round_seconds, float(known[index + 1])
            if latest[index] > -math.inf and after < min(ends, latest[index]) - CLOSE:
                raise self._broken("a round is too short", after)
            if latest[index] > ends + CLOSE and after > ends + CLOSE:
                raise self._broken("a round is too long", after)

    def _ending(self) -> None:
        log, jobs = self._log, self._jobs
        amount: dict[str, list[SimNode]] = {}
        for node in self._nodes:
            amount.setdefault(node.device, []).append(node)
        small = tuple(i for i, job in enumerate(jobs) if not any(_holds(amount.get(d, []), job) for d in job.seconds))
        if log.rejected != small:
            raise self._broken(f"{len(log.rejected)} jobs are rejected where {len(small)} cannot fit")
        rest = sorted(set(range(len(jobs))) - set(small))
        if rest and log.begin != min(jobs[job].arrival for job in rest):
            raise self._broken("it does not begin with the first arrival")
        finished = {int(job) for job in log.job[log.cause == Cause.FINISHED]}
        if log.ended == "done" and finished != set(rest):
            raise self._broken(f"{len(rest) - len(finished)} jobs are not finished at its end")
        if log.ended == "stranded" and all(loss.finish < math.inf for loss in self._conditions.losses):
            raise self._broken("it is stranded, and no node stays away for good")
        if log.ended == "until" and log.end > max(log.begin, self._conditions.until):
            raise self._broken("it goes on past its end")
        if log.ended == "done" and len(log) and abs(log.end - float(log.finish.max())) > CLOSE:
            raise self._broken("it does not end with its last job")


def _holds(nodes: Sequence[SimNode], job: SimJob) -> bool:
    return job.workers <= sum(node.gpus for node in nodes) * math.floor(1 / job.share + 1e-9)

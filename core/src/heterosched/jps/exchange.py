"""What every single exchange of workers would change, as tables: the neighbourhood of a plan.

An entry is a pair (job, class) of which the plan holds at least one worker; the idle workers are a job of cost zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Floats, Ints, attached, slowest
from heterosched.jps.timing import Objective, costs


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """job, good: the entries (idle = job S). cost: of each job now, 0 for idle. swapped[e, m]: cost of the entry's job
    when it gives the entry's worker for one of class m."""

    job: Ints
    good: Ints
    cost: Floats
    swapped: Floats


def neighbourhood(grouped: Grouped, objective: Objective, table: Ints) -> Neighbourhood:
    """The swaps of a plan (S x M) that leave all sizes as they are."""
    job, good = np.nonzero(table)
    own = table[job]
    jobs = np.arange(grouped.jobs)
    now = np.append(costs(grouped, objective, jobs, table), 0.0)
    idle = np.flatnonzero(grouped.count - table.sum(axis=0) > 0)
    times = _swapped_seconds(grouped, job, good, own)
    swapped = objective.time[job][:, None] * times
    if objective.energy:
        power = (grouped.watts[job] * own).sum(axis=1) - grouped.watts[job, good]
        drawn = np.where(np.isfinite(times), times, 0.0)  # a swap that cannot be is ruled out by its time already
        swapped = swapped + objective.energy * drawn * (power[:, None] + grouped.watts[job])
    swapped[np.arange(len(job)), good] = now[job]
    return Neighbourhood(
        np.append(job, np.full(len(idle), grouped.jobs)),
        np.append(good, idle),
        now,
        np.vstack([swapped, np.zeros((len(idle), grouped.classes))]),
    )


def _swapped_seconds(grouped: Grouped, job: Ints, good: Ints, own: Ints) -> Floats:
    """Completion time of each entry's job with the entry's worker replaced by one of each class (entries x M)."""
    speed = grouped.speed[job]
    rate = (speed * own).sum(axis=1)[:, None] - speed[np.arange(len(job)), good][:, None] + speed
    rate = np.where((speed > 0) & (rate > 0), rate, 0.0)
    size = own.sum(axis=1)[:, None]
    link: float | Floats = grouped.rate
    if grouped.link is not None:
        rest = own.copy()
        rest[np.arange(len(job)), good] -= 1
        link = np.minimum(slowest(grouped.link, rest)[:, None], attached(grouped.link, rest))
    with np.errstate(divide="ignore"):
        times = grouped.work[job][:, None] / rate + grouped.exchange[job][:, None] * (size - 1) / size / link
    if grouped.restart.any():
        times = times + grouped.restart[job][:, None] * ~_as_running(grouped, job, good, own)
    return np.asarray(times, dtype=np.float64)


def _as_running(grouped: Grouped, job: Ints, good: Ints, own: Ints) -> np.typing.NDArray[np.bool_]:
    """Whether the swap (entry, class) gives the job exactly what it holds now."""
    lacking = grouped.running[job] - own
    lacking[np.arange(len(job)), good] += 1
    return np.asarray((np.abs(lacking).sum(axis=1)[:, None] == 1) & (lacking == 1))


def resized(grouped: Grouped, objective: Objective, table: Ints) -> tuple[Floats, Floats]:
    """Cost of each job with one worker less, and one more, of each class (S+1 x M each; infinite where not allowed)."""
    jobs, size = grouped.jobs, table.sum(axis=1)
    less = np.full((jobs + 1, grouped.classes), np.inf)
    job, good = np.nonzero((table > 0) & (size > grouped.least)[:, None])
    fewer = table[job]
    fewer[np.arange(len(job)), good] -= 1
    less[job, good] = costs(grouped, objective, job, fewer)
    more = np.vstack([_enlarged(grouped, objective, table), np.zeros(grouped.classes)])
    more[:-1][size >= grouped.most] = np.inf
    less[-1] = 0.0
    return less, more


def _enlarged(grouped: Grouped, objective: Objective, table: Ints) -> Floats:
    """Cost of each job with one worker more of each class (S x M); infinite with a forbidden one."""
    size = table.sum(axis=1)[:, None] + 1
    rate = (grouped.speed * table).sum(axis=1)[:, None] + grouped.speed
    link: float | Floats = grouped.rate
    if grouped.link is not None:
        link = np.minimum(slowest(grouped.link, table)[:, None], attached(grouped.link, table))
    times = grouped.work[:, None] / np.where(rate > 0, rate, 1.0)
    times = times + grouped.exchange[:, None] * (size - 1) / size / link
    if grouped.restart.any():
        lacking = grouped.running - table
        same = (np.abs(lacking).sum(axis=1)[:, None] == 1) & (lacking == 1)
        times = times + grouped.restart[:, None] * ~same
    times = np.where((grouped.speed > 0) & (rate > 0), times, np.inf)
    total = objective.time[:, None] * times
    if objective.energy:
        power = (grouped.watts * table).sum(axis=1)[:, None] + grouped.watts
        total = total + objective.energy * np.where(np.isfinite(times), times * power, np.inf)
    return np.asarray(total)

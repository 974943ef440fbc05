"""Completion times, energy and the additive score of allocations: Liu et al. (2024), with units fixed.

l_p = batch / sum of speeds                       seconds per iteration, all workers finish together
l_c = 2 (n-1)/n * gradient bytes / slowest link   seconds per iteration, ring all-reduce; 0 for one worker
J   = iterations * (l_p + l_c) + restart          seconds; the restart where a running allocation changes
E   = J * sum of watts                            joules; right because the split is proportional
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Floats, Ints, slowest


@dataclass(frozen=True, eq=False)
class Objective:
    """A score that is a sum over jobs: sum_i time_i J_i + energy E_i."""

    time: Floats
    energy: float = 0.0


def mean_time(grouped: Grouped) -> Objective:
    """The weighted mean completion time, in seconds."""
    return Objective(grouped.weight)


def communication(grouped: Grouped, jobs: Ints, counts: Ints) -> Floats:
    """Seconds that each job of `jobs` spends in all-reduce with the workers of its row of `counts`."""
    size = np.maximum(counts.sum(axis=1), 1)
    rate = grouped.rate if grouped.link is None else slowest(grouped.link, counts)
    return np.asarray(grouped.exchange[jobs] * (size - 1) / size / rate)


def seconds(grouped: Grouped, jobs: Ints, counts: Ints) -> Floats:
    """Completion time of each job of `jobs` with its row of `counts`; infinite without, or with a forbidden, worker."""
    speed = grouped.speed[jobs]
    rate = (speed * counts).sum(axis=1)
    forbidden = ((speed <= 0) & (counts > 0)).any(axis=1) | (rate <= 0)
    compute = grouped.work[jobs] / np.where(rate > 0, rate, 1.0)
    changed = (counts != grouped.running[jobs]).any(axis=1)
    total = compute + communication(grouped, jobs, counts) + grouped.restart[jobs] * changed
    return np.where(forbidden, np.inf, total)


def joules(grouped: Grouped, jobs: Ints, counts: Ints, times: Floats) -> Floats:
    """Energy of each job of `jobs` with its row of `counts`, running for `times` seconds."""
    return np.asarray(times * (grouped.watts[jobs] * counts).sum(axis=1))


def costs(grouped: Grouped, objective: Objective, jobs: Ints, counts: Ints) -> Floats:
    """What each job of `jobs` adds to the score with its row of `counts`."""
    times = seconds(grouped, jobs, counts)
    total = objective.time[jobs] * times
    if objective.energy:
        total = total + objective.energy * np.where(np.isfinite(times), joules(grouped, jobs, counts, times), np.inf)
    return total


def table_seconds(grouped: Grouped, table: Ints) -> Floats:
    """Completion time of every job under a plan (S x M)."""
    return seconds(grouped, np.arange(grouped.jobs), table)


def table_cost(grouped: Grouped, objective: Objective, table: Ints) -> float:
    """The score of a plan (S x M)."""
    return float(costs(grouped, objective, np.arange(grouped.jobs), table).sum())


def table_joules(grouped: Grouped, table: Ints) -> float:
    """Energy of a plan (S x M)."""
    rows = np.arange(grouped.jobs)
    return float(joules(grouped, rows, table, seconds(grouped, rows, table)).sum())

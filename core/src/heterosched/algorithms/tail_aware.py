"""Tail-aware scheduling: the slowest one per cent of tasks should be as fast as can be.

M. A. Bender, S. Chakrabarti, S. Muthukrishnan: Flow and Stretch Metrics for Scheduling Continuous Job Streams. 9th
ACM-SIAM Symposium on Discrete Algorithms (SODA), 1998: for a target stretch S each task gets the deadline release + S *
run time, and the earliest deadline goes first. A stretch of zero is first come, first served; a large one prefers short
tasks, so that few of them wait behind a long one. No stretch suits every load: a ladder of them is tried, and FIFO's
own schedule beside them, and the schedule of the lowest 99th percentile of (finish - release) is kept; among equals
that of the lowest mean.
"""

from __future__ import annotations

import math

from heterosched.algorithms.base import Problem
from heterosched.algorithms.edf import by_deadline, fastest
from heterosched.algorithms.fifo import Fifo
from heterosched.algorithms.ground import Ground
from heterosched.model import Schedule

STRETCHES = (0.0, 1.0, 4.0, 16.0, 64.0, 1024.0)
"""The stretches that are tried."""

TAIL = 0.99


class TailAware:
    """Of several stretches the one whose schedule has the shortest tail."""

    name = "tail_aware"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        ground = Ground(problem)
        release = _releases(ground)
        found: list[Schedule] = [Fifo().schedule(problem)]
        for stretch in STRETCHES:
            due = {name: start + stretch * fastest(ground, name) for name, start in release.items()}
            found.append(by_deadline(ground, due))
        return min(found, key=lambda schedule: tail(problem, schedule))


def tail(problem: Problem, schedule: Schedule) -> tuple[float, float]:
    """99th percentile (nearest rank) and mean of the seconds from each task's release to its finish."""
    released = dict(problem.ready)
    waits = sorted(
        own.finish - max(problem.now, released.get(name, problem.now)) for name, own in schedule.assignments.items()
    )
    if not waits:
        return 0.0, 0.0
    return waits[math.ceil(TAIL * len(waits)) - 1], sum(waits) / len(waits)


def _releases(ground: Ground) -> dict[str, float]:
    """When each task could start at the earliest, seconds after now: held back, or behind the fastest way to it."""
    problem = ground.problem
    held = {name: max(0.0, moment - problem.now) for name, moment in problem.ready}
    start: dict[str, float] = {}
    for name in problem.graph.order:
        before = (start[edge.producer] + fastest(ground, edge.producer) for edge in problem.graph.parents[name])
        start[name] = max(held.get(name, 0.0), max(before, default=0.0))
    return start

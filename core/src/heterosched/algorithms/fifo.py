"""First come, first served: the baseline that knows neither ranks nor run times.

A task is ready when its producers have finished; ready tasks are served in the order in which they became ready, those
of the same moment in the order of their definition, each on the node that is free first. A task that has to wait does
not hold back later ones that fit elsewhere or into a gap. Nobody sizes a task here: one that may have several sizes
gets the largest that is free as early as any, as its owner would have asked for without a planner.

Among nodes that are free at the same time the one that was given a task longest ago is taken, and among those that
were given none the first in an order that is drawn by lot. The lot is seeded by the tasks and edges of the graph and
sorts the nodes by what they offer and hold, never by name or position: renaming or reordering nodes changes nothing,
and each device type is drawn as often as it has nodes. One lot alone may favour a device; so what FIFO *takes* is the
mean over `DRAWS` lots, and the placements shown are those of the first.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import Candidate
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule, TaskGraph

DRAWS: Final = 8
"""Lots behind a figure of FIFO."""


@dataclass(frozen=True)
class Drawn(Schedule):
    """The placements of the first lot. Seconds and joules by which the mean over all lots differs from them."""

    later_seconds: float = 0.0
    more_joules: float = 0.0

    @property
    def mean_makespan(self) -> float:
        """Seconds from the first start to the last finish, mean over all lots."""
        return self.finish - self.start + self.later_seconds

    @property
    def mean_joules(self) -> float:
        """Energy that the tasks add, mean over all lots."""
        return self.joules + self.more_joules


class Fifo:
    """Ready tasks in order, each on the first free node."""

    name = "fifo"

    def schedule(self, problem: Problem) -> Drawn:
        """Place every task. Raises Unplaceable."""
        seed, ground = _content(problem.graph), Ground(problem)
        draws = [_serve(problem, ground, random.Random(f"{number} {seed}")) for number in range(DRAWS)]
        first = draws[0]
        # Differences, not sums: where all lots agree the mean is exactly what each of them takes.
        later = sum((draw.finish - draw.start) - (first.finish - first.start) for draw in draws) / DRAWS
        more = sum(draw.joules - first.joules for draw in draws) / DRAWS
        return Drawn(first.assignments, first.ranks, later, more)


def _content(graph: TaskGraph) -> str:
    """What makes the graph this one, without the run times: they change when a run has corrected them."""
    return repr((list(graph.tasks), [(edge.producer, edge.consumer) for edge in graph.edges]))


def _serve(problem: Problem, ground: Ground, lot: random.Random) -> Schedule:
    """One draw."""
    placement = Placement(problem, lot=lot, ground=ground)
    for name in as_they_come(problem, lambda name: (placement.ready(name),)):
        candidates = placement.candidates(name, placement.arrivals(name))
        placement.place(name, _first_free(placement, candidates))
    return placement.schedule({})


def _first_free(placement: Placement, candidates: Sequence[Candidate]) -> Candidate:
    def order(candidate: Candidate) -> tuple[float, tuple[int, int], int]:
        return candidate.start, placement.turn(candidate.places[0]), -candidate.option.workers

    return min(candidates, key=order)

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

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from heterosched.algorithms.base import Problem
from heterosched.algorithms.placement import Candidate, Placement
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
        seed = _content(problem.graph)
        draws = [_serve(problem, random.Random(f"{number} {seed}")) for number in range(DRAWS)]
        first = draws[0]
        # Differences, not sums: where all lots agree the mean is exactly what each of them takes.
        later = sum((draw.finish - draw.start) - (first.finish - first.start) for draw in draws) / DRAWS
        more = sum(draw.joules - first.joules for draw in draws) / DRAWS
        return Drawn(first.assignments, first.ranks, later, more)


def _content(graph: TaskGraph) -> str:
    """What makes the graph this one, without the run times: they change when a run has corrected them."""
    return repr((list(graph.tasks), [(edge.producer, edge.consumer) for edge in graph.edges]))


def _serve(problem: Problem, lot: random.Random) -> Schedule:
    """One draw."""
    graph = problem.graph
    placement = Placement(problem, lot=lot)
    position = {name: number for number, name in enumerate(graph.tasks)}
    waits = {
        name: sum(edge.producer not in problem.fixed for edge in graph.parents[name])
        for name in graph.tasks
        if name not in problem.fixed
    }
    queue = [(placement.ready(name), position[name], name) for name, open_ in waits.items() if not open_]
    heapq.heapify(queue)
    while queue:
        _, _, name = heapq.heappop(queue)
        arrivals = placement.arrivals(name)
        placement.place(name, _first_free(placement, placement.candidates(name, arrivals)))
        for edge in graph.children[name]:
            if edge.consumer in waits:
                waits[edge.consumer] -= 1
                if not waits[edge.consumer]:
                    heapq.heappush(queue, (placement.ready(edge.consumer), position[edge.consumer], edge.consumer))
    return placement.schedule({})


def _first_free(placement: Placement, candidates: Sequence[Candidate]) -> Candidate:
    def order(candidate: Candidate) -> tuple[float, tuple[int, int], int]:
        return candidate.start, placement.turn(candidate.places[0]), -candidate.option.workers

    return min(candidates, key=order)

"""First come, first served: the baseline that knows neither ranks nor run times.

A task is ready when its producers have finished; ready tasks are served in the order in which they became ready, those
of the same moment in the order of their definition, each on the node that is free first. Among nodes that are free at
the same time the one that was given a task longest ago is taken, so that the order of the nodes favours no device. A
task that has to wait does not hold back later ones that fit elsewhere or into a gap. Nobody sizes a task here: one that
may have several sizes gets the largest that is free as early as any, as its owner would have asked for without a
planner.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from heterosched.algorithms.base import Problem
from heterosched.algorithms.placement import Candidate, Placement
from heterosched.model import Schedule


class Fifo:
    """Ready tasks in order, each on the first free node."""

    name = "fifo"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        graph = problem.graph
        placement = Placement(problem, rotate=True)
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
    def order(candidate: Candidate) -> tuple[float, int, int, int]:
        place = candidate.places[0]
        return candidate.start, placement.served[place], place, -candidate.option.workers

    return min(candidates, key=order)

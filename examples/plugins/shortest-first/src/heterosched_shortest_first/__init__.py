"""Shortest first: of the tasks that are free the shortest one goes first, each where it finishes first.

W. E. Smith: Various Optimizers for Single-Stage Production. Naval Research Logistics Quarterly 3(1-2), 1956: on one
machine this order has the least mean completion time. On several machines it is a rule of thumb.
"""

from __future__ import annotations

from heterosched.algorithms.base import Problem
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule


class ShortestFirst:
    """Free tasks by their mean run time over the nodes, each where it finishes first."""

    name = "shortest_first"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task that is not fixed. Raises Unplaceable."""
        placement = Placement(problem)
        seconds = placement.ground.mean_seconds
        for name in as_they_come(problem, lambda name: (seconds(name),)):
            placement.place(name, placement.soonest(name, placement.arrivals(name)))
        return placement.schedule({})

"""Random: each task on any node that could run it.

The baseline of M. Mitzenmacher: The Power of Two Choices in Randomized Load Balancing, IEEE TPDS 12(10), 2001. Chance
is a function of the problem's seed, the graph and the task alone: the same problem has the same schedule, and planning
again does not move a task.
"""

from __future__ import annotations

from heterosched.algorithms.base import Problem
from heterosched.algorithms.offers import lots, offers
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule


class RandomNode:
    """Free tasks in order, each on a node drawn by lot."""

    name = "random"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        placement = Placement(problem)
        for name in as_they_come(problem, lambda name: (placement.ready(name),)):
            places = offers(placement, name, placement.arrivals(name))
            placement.place(name, lots(problem, name).choice(places))
        return placement.schedule({})

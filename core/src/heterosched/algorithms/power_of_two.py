"""Power of two choices: two nodes by lot, the task goes to the one with less work.

M. Mitzenmacher: The Power of Two Choices in Randomized Load Balancing. IEEE Transactions on Parallel and Distributed
Systems 12(10), 2001. Chance is that of random_node.py.
"""

from __future__ import annotations

from heterosched.algorithms.base import Problem
from heterosched.algorithms.offers import Loads, least_work, lots, offers
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule


class PowerOfTwo:
    """Free tasks in order, each on the less loaded of two nodes drawn by lot."""

    name = "power_of_two"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        placement = Placement(problem)
        loads = Loads(placement)
        for name in as_they_come(problem, lambda name: (placement.ready(name),)):
            places = offers(placement, name, placement.arrivals(name))
            chosen = least_work(loads, lots(problem, name).sample(places, min(2, len(places))))
            loads.add(chosen)
            placement.place(name, chosen)
        return placement.schedule({})

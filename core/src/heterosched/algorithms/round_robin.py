"""Round robin: the nodes take turns, whatever they are and whatever they have to do.

L. Kleinrock: Queueing Systems, volume 2, 1976, section 4.4 for the discipline; as a placement rule it is the usual
baseline of load balancers. A node that cannot run a task is passed over.
"""

from __future__ import annotations

from heterosched.algorithms.base import Problem
from heterosched.algorithms.offers import offers
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule


class RoundRobin:
    """Free tasks in order, each on the next node."""

    name = "round_robin"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        placement, last = Placement(problem), -1
        for name in as_they_come(problem, lambda name: (placement.ready(name),)):
            places = offers(placement, name, placement.arrivals(name))
            following = [candidate for candidate in places if candidate.places[0] > last]
            chosen = (following or places)[0]
            last = chosen.places[0]
            placement.place(name, chosen)
        return placement.schedule({})

"""Least loaded: the longest free task goes to the node that has been given the least work.

R. L. Graham: Bounds on Multiprocessing Timing Anomalies. SIAM Journal on Applied Mathematics 17(2), 1969, section 3
(longest processing time first). Work is counted in node seconds, so that a fast node is not seen to be one: the
baseline for strategies that know the devices.
"""

from __future__ import annotations

from heterosched.algorithms.base import Problem
from heterosched.algorithms.offers import Loads, least_work, offers
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule


class LeastLoaded:
    """Free tasks, the longest first, each on the node of the least work."""

    name = "least_loaded"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        placement = Placement(problem)
        loads, seconds = Loads(placement), placement.ground.mean_seconds
        for name in as_they_come(problem, lambda name: (-seconds(name),)):
            chosen = least_work(loads, offers(placement, name, placement.arrivals(name)))
            loads.add(chosen)
            placement.place(name, chosen)
        return placement.schedule({})

"""Greedy: minimum completion time, each task as it comes where it finishes first.

T. D. Braun and others: A Comparison of Eleven Static Heuristics for Mapping a Class of Independent Tasks onto
Heterogeneous Distributed Computing Systems. Journal of Parallel and Distributed Computing 61(6), 2001, section 3 (MCT).
It knows run times but no ranks: what HEFT gains over it is the order.
"""

from __future__ import annotations

from heterosched.algorithms.base import Problem
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule


class Greedy:
    """Free tasks in order, each where it finishes first."""

    name = "greedy"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        placement = Placement(problem)
        for name in as_they_come(problem, lambda name: (placement.ready(name),)):
            placement.place(name, placement.soonest(name, placement.arrivals(name)))
        return placement.schedule({})

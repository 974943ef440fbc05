"""HEFT: heterogeneous earliest finish time, with insertion.

H. Topcuoglu, S. Hariri, M.-Y. Wu: Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing.
IEEE Transactions on Parallel and Distributed Systems 13(3), 2002, section 4.1. A task with several ways to run counts
on a node with the fastest that the node offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import Arrivals, Candidate
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.ranks import falling, upward_ranks
from heterosched.model import Schedule

Choice = Callable[[Placement, str, Arrivals], Candidate]
"""Picks the place of a task whose producers are placed."""


class Heft:
    """The exact algorithm: tasks by upward rank, each where it finishes first."""

    name = "heft"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        return by_upward_rank(Ground(problem))


def by_upward_rank(ground: Ground) -> Schedule:
    """The same, on a ground that is there already."""
    ranks = upward_ranks(ground)
    return by_order(ground, falling(ground.problem.graph.order, ranks), Placement.soonest, ranks)


def by_order(ground: Ground, order: Sequence[str], choose: Choice, ranks: Mapping[str, float]) -> Schedule:
    """List scheduling: tasks in an order that heeds the dependencies, each at the place that `choose` picks."""
    placement = Placement(ground.problem, ground=ground)
    for name in order:
        if name not in ground.problem.fixed:
            placement.place(name, choose(placement, name, placement.arrivals(name)))
    return placement.schedule(ranks)

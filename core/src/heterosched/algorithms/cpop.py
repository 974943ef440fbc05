"""CPOP: critical path on a processor.

H. Topcuoglu, S. Hariri, M.-Y. Wu: Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing.
IEEE Transactions on Parallel and Distributed Systems 13(3), 2002, section 4.2. Tasks are served by the sum of upward
and downward rank as they become free; those of the critical path go to the one node that runs the path fastest, the
others where they finish first. A task of the path that this node cannot run, that has several workers, or that would
have to wait there until further notice, is treated as one of the others.
"""

from __future__ import annotations

import math

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import Arrivals, Candidate, earliest_finish
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.algorithms.ranks import downward_ranks, rounded, upward_ranks
from heterosched.model import Schedule


class Cpop:
    """Tasks by the length of the longest path through them, the critical path on one node."""

    name = "cpop"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        return by_path(Ground(problem))


def by_path(ground: Ground) -> Schedule:
    """The same, on a ground that is there already."""
    problem, placement = ground.problem, Placement(ground.problem, ground=ground)
    down = downward_ranks(ground)
    ranks = {name: rounded(up + down[name]) for name, up in upward_ranks(ground).items()}
    path = critical_path(problem, ranks)
    chosen = _fastest_node(ground, path)
    for name in as_they_come(problem, lambda name: (-ranks[name],)):
        arrivals = placement.arrivals(name)
        own = _on_node(placement, name, arrivals, chosen) if name in path else None
        placement.place(name, own or placement.soonest(name, arrivals))
    return placement.schedule(ranks)


def critical_path(problem: Problem, ranks: dict[str, float]) -> set[str]:
    """From the entry task of the largest priority on: each time the consumer of the largest priority."""
    graph = problem.graph
    step: str | None = max(
        (name for name in graph.order if not graph.parents[name]), key=ranks.__getitem__, default=None
    )
    path: set[str] = set()
    while step is not None:
        path.add(step)
        step = max((edge.consumer for edge in graph.children[step]), key=ranks.__getitem__, default=None)
    return path - problem.fixed.keys()


def _fastest_node(ground: Ground, path: set[str]) -> int:
    """The node that runs most tasks of the path, and those in the least time."""

    def cost(kind: int) -> tuple[int, float]:
        seconds = [ground.seconds(name)[kind] for name in path]
        return sum(own == math.inf for own in seconds), sum(own for own in seconds if own < math.inf)

    if not ground.nodes:
        return -1
    return ground.kinds.index(min(range(len(ground.sizes)), key=cost))


def _on_node(placement: Placement, name: str, arrivals: Arrivals, position: int) -> Candidate | None:
    """The task's earliest finish on the node; None where it cannot start there before the horizon."""
    options, horizon = placement.problem.graph.tasks[name].options, placement.problem.horizon - placement.problem.now
    found = [
        placement.on(option, position, arrivals)
        for option, places in zip(options, placement.ground.places(name), strict=True)
        if option.workers == 1 and position in places.nodes
    ]
    soon = [candidate for candidate in found if candidate.start < horizon]
    return earliest_finish(soon) if soon else None

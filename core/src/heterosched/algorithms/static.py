"""Static partition: every node gets an equal share of the tasks beforehand, and nobody looks again.

The baseline of AutoScheduler's benchmarks (and OpenMP's `schedule(static)`): of the n tasks that the same m nodes could
run, in order of definition, the first n/m go to the first node, and so on. Long tasks that stand together make one
node late while the others have nothing left.
"""

from __future__ import annotations

from collections import Counter

from heterosched.algorithms.base import Problem
from heterosched.algorithms.offers import hosts, offers
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule


class Static:
    """Equal shares by number, in order of definition."""

    name = "static"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        placement = Placement(problem)
        parts = shares(placement)
        for name in as_they_come(problem, lambda name: (placement.ready(name),)):
            places = offers(placement, name, placement.arrivals(name))
            placement.place(name, places[min(int(parts[name] * len(places)), len(places) - 1)])
        return placement.schedule({})


def shares(placement: Placement) -> dict[str, float]:
    """Where each task stands among those that the same nodes could run: from 0 (first) to below 1."""
    problem = placement.problem
    alike = {name: hosts(placement, name) for name in problem.graph.tasks if name not in problem.fixed}
    counts, before = Counter(alike.values()), Counter[tuple[int, ...]]()
    found: dict[str, float] = {}
    for name, nodes in alike.items():
        found[name] = before[nodes] / counts[nodes]
        before[nodes] += 1
    return found

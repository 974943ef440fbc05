"""PEFT: predict earliest finish time, by a table of optimistic costs.

H. Arabnejad, J. G. Barbosa: List Scheduling Algorithm for Heterogeneous Systems by an Optimistic Cost Table. IEEE
Transactions on Parallel and Distributed Systems 25(3), 2014, section 4. The table tells for each task and node how long
the rest of the way takes at least from there, were every node free. Tasks are served by their mean entry as they become
free, each where its finish and its entry together are least. Nodes of a kind have the same entry.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from heterosched.algorithms.base import Problem
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.algorithms.ranks import rounded
from heterosched.model import Schedule


class Peft:
    """Tasks by their mean optimistic cost, each where it and what comes after it would end first."""

    name = "peft"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        return by_optimistic_cost(Ground(problem))


def by_optimistic_cost(ground: Ground) -> Schedule:
    """The same, on a ground that is there already."""
    placement = Placement(ground.problem, ground=ground)
    table = optimistic_costs(ground)
    ranks = {name: _mean(ground, name, row) for name, row in table.items()}
    for name in as_they_come(ground.problem, lambda name: (-rounded(ranks[name]),)):
        placement.place(name, placement.ahead(name, placement.arrivals(name), table[name]))
    return placement.schedule(ranks)


def optimistic_costs(ground: Ground) -> Mapping[str, Sequence[float]]:
    """For each task and kind of node: the seconds from the task's finish there to the end, were every node free."""
    graph = ground.problem.graph
    table: dict[str, Sequence[float]] = {}
    for name in reversed(graph.order):
        row = [0.0] * len(ground.sizes)
        for edge in graph.children[name]:
            seconds = ground.seconds(edge.consumer)
            ways = [own + rest for own, rest in zip(seconds, table[edge.consumer], strict=True)]
            elsewhere = min(ways, default=0.0) + ground.transfer(edge.size_bytes)
            if elsewhere < math.inf:
                row = [max(own, min(here, elsewhere)) for own, here in zip(row, ways, strict=True)]
        table[name] = row
    return table


def _mean(ground: Ground, name: str, row: Sequence[float]) -> float:
    """Mean over the nodes that could run the task."""
    total, count = 0.0, 0
    for cost, seconds, size in zip(row, ground.seconds(name), ground.sizes, strict=True):
        if seconds < math.inf:
            total, count = total + cost * size, count + size
    return total / count if count else 0.0

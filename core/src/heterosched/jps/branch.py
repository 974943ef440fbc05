"""Exact oracle 3: branch and bound over the jobs' ways, with Lagrangian prices; for any speeds, links and classes.

At prices p >= 0 of the workers, cost_i(c) + p c is bounded from below job by job, so a partial plan cannot be completed
below its own cost + the rest's least reduced costs - p (workers left). Stopped early it still yields a valid bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heterosched.jps.configurations import Choices
from heterosched.jps.links import Floats, Ints

NODES = 200_000
"""Partial plans that are looked at unless the caller says otherwise: some seconds."""


@dataclass(frozen=True, slots=True)
class Branched:
    """Best score found (infinite: none), a lower bound of all, and the partial plans that were looked at."""

    best: float
    bound: float
    nodes: int

    @property
    def exact(self) -> bool:
        """Whether the search ended by itself."""
        return self.bound >= self.best


def branch(count: Ints, menu: Sequence[Choices], prices: Floats, nodes: int = NODES) -> Branched:
    """Search all plans depth first, cheapest reduced cost first, until done or `nodes` partial plans were seen."""
    reduced = [ways.cost + ways.payments(prices) for ways in menu]
    orders = [np.argsort(row, kind="stable") for row in reduced]
    ways = [(own.counts[order], row[order]) for own, row, order in zip(menu, reduced, orders, strict=True)]
    least = np.array([row[0] if len(row) else math.inf for _, row in ways])
    rest = np.append(np.cumsum(least[::-1])[::-1], 0.0) - float(prices @ count)
    search = _Search(ways, rest, prices, nodes)
    search.descend(0, count, 0.0)
    bound = min(search.best, search.open)
    return Branched(search.best, bound, search.seen)


class _Search:
    """The depth-first search; `spent` is the sum of reduced costs, so a leaf's score is spent - p (workers used)."""

    def __init__(self, ways: Sequence[tuple[Ints, Floats]], rest: Floats, prices: Floats, nodes: int) -> None:
        self.ways, self.rest, self.prices, self.nodes = ways, rest, prices, nodes
        self.best, self.open, self.seen = math.inf, math.inf, 0

    def descend(self, job: int, free: Ints, spent: float) -> None:
        """Look at all completions of a partial plan that could beat the best."""
        self.seen += 1
        if job == len(self.ways):
            # rest[-1] = - p count; idle workers cost nothing, so their price is given back
            self.best = min(self.best, spent + float(self.rest[-1] + self.prices @ free))
            return
        counts, reduced = self.ways[job]
        fits = np.flatnonzero((counts <= free).all(axis=1))
        for index in fits:
            bound = spent + float(reduced[index] + self.rest[job + 1])
            if bound >= self.best:
                return  # the ways come in order of reduced cost
            if self.seen >= self.nodes:
                self.open = min(self.open, bound)
                return
            self.descend(job + 1, free - counts[index], spent + float(reduced[index]))

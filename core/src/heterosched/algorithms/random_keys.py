"""Variants of the upward ranks, by lot: the bounded search of the portfolio.

Ranks are random keys in the sense of J. C. Bean (Genetic Algorithms and Random Keys for Sequencing and Optimization,
ORSA Journal on Computing 6(2), 1994): any costs and transfer times put into the recursion of the upward rank give an
order that heeds the dependencies, and list scheduling makes a sound schedule of it. The first half of the draws is made
anew around the mean costs, the others change a part of the best keys so far.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from heterosched.algorithms.candidate import Arrivals, Candidate
from heterosched.algorithms.energy_heft import by_economy
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.heft import by_order
from heterosched.algorithms.peft import optimistic_costs
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.ranks import falling, upward_ranks
from heterosched.model import Schedule

SPREAD = 0.3
"""A cost is drawn from 1 - SPREAD to 1 + SPREAD times what it was."""

CHANGED = 0.3
"""Part of the tasks, and probability of each other property, that a draw near the best keys changes."""

TRANSFERS = (0.0, 0.5, 1.0, 2.0)
"""How much transfers count in the ranks."""

FORESIGHT = (0.0, 0.25, 0.5)
"""How much the optimistic rest of the way (see peft.py) counts when a place is chosen; where energy has no weight."""

ECONOMY = (0.5, 1.0, 2.0)
"""How much energy counts when a place is chosen, against the problem's objective."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What a schedule is made from: a cost per task, and how transfers, foresight and economy count."""

    costs: Mapping[str, float]
    transfers: float = 1.0
    foresight: float = 0.0
    economy: float = 1.0


class KeySpace:
    """All keys of a problem, and the schedules that they stand for."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._table = optimistic_costs(ground)
        self.mean = Keys({name: ground.mean_seconds(name) for name in ground.problem.graph.order})

    def given(self) -> Iterator[Keys]:
        """Keys that nobody draws: HEFT's with economy or, where energy has no weight, foresight; without transfers."""
        if self._ground.problem.objective.energy > 0:
            yield self.mean
        else:
            yield replace(self.mean, foresight=FORESIGHT[1])
        yield replace(self.mean, transfers=0.0)

    def schedule(self, keys: Keys) -> Schedule:
        """The schedule that the keys stand for."""
        ground, problem = self._ground, self._ground.problem
        ranks = upward_ranks(ground, keys.costs.__getitem__, keys.transfers)
        order = falling(problem.graph.order, ranks)
        if problem.objective.energy > 0:
            weights = replace(problem.objective, energy=problem.objective.energy * keys.economy)
            return by_economy(ground, order, ranks, weights)
        if keys.foresight <= 0:
            return by_order(ground, order, Placement.soonest, ranks)
        table, foresight = self._table, keys.foresight

        def choose(placement: Placement, name: str, arrivals: Arrivals) -> Candidate:
            return placement.ahead(name, arrivals, [foresight * rest for rest in table[name]])

        return by_order(ground, order, choose, ranks)

    def anew(self, draw: random.Random) -> Keys:
        """Keys around the mean costs."""
        costs = {name: cost * draw.uniform(1 - SPREAD, 1 + SPREAD) for name, cost in self.mean.costs.items()}
        return Keys(costs, draw.choice(TRANSFERS), draw.choice(FORESIGHT), draw.choice(ECONOMY))

    def near(self, keys: Keys, draw: random.Random) -> Keys:
        """The keys, a part of them changed."""
        costs = {
            name: cost * draw.uniform(1 - SPREAD, 1 + SPREAD) if draw.random() < CHANGED else cost
            for name, cost in keys.costs.items()
        }
        return Keys(
            costs,
            draw.choice(TRANSFERS) if draw.random() < CHANGED else keys.transfers,
            draw.choice(FORESIGHT) if draw.random() < CHANGED else keys.foresight,
            draw.choice(ECONOMY) if draw.random() < CHANGED else keys.economy,
        )

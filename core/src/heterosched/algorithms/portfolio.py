"""The portfolio: several published strategies, then a bounded search around the best of them.

No list scheduler is best on every graph (H. Arabnejad, J. G. Barbosa: List Scheduling Algorithm for Heterogeneous
Systems by an Optimistic Cost Table, IEEE TPDS 25(3), 2014, section 5), and one costs little: so several are run and the
best schedule by the problem's objective is kept (judge.py). The search then tries variants of their ranks
(random_keys.py).
Where energy has a weight, HEFT for energy alone and energy-aware HEFT are among them, with a deadline also the latter
among the places that are in time. A problem of one open task has no
order to search for: energy-aware HEFT compares all its ways.
Every step is counted and none is timed, so that a problem has one answer on every machine; a schedule that meets the
lower bound ends it at once.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.cpop import by_path
from heterosched.algorithms.edf import by_due_date, due_dates
from heterosched.algorithms.energy_heft import by_economy
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.heft import by_upward_rank
from heterosched.algorithms.judge import Cost, Judge
from heterosched.algorithms.peft import by_optimistic_cost
from heterosched.algorithms.random_keys import Keys, KeySpace
from heterosched.algorithms.ranks import falling
from heterosched.model import Schedule

ROUNDS = 10
"""Trials of the search; the first half draw anew, the others change the best."""

MOST_PLACED = 24_000
"""Tasks that the trials may place altogether: graphs of more than 2,000 tasks get fewer trials."""

FRUGAL = Objective(0.0, 1.0)
"""Energy alone."""


class Portfolio:
    """The best schedule of several strategies and of a search around them."""

    name = "portfolio"

    def __init__(self, rounds: int = ROUNDS) -> None:
        """`rounds`: trials of the search; zero runs the published strategies alone."""
        self._rounds = rounds

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        ground, objective = Ground(problem), problem.objective
        members = [first := by_upward_rank(ground)]
        order = falling(problem.graph.order, first.ranks)
        if objective.energy > 0:
            members += [by_economy(ground, order, first.ranks, weights) for weights in (objective, FRUGAL)]
        due = problem.deadline < math.inf or any(task.deadline is not None for task in problem.graph.tasks.values())
        if due and objective.energy > 0:
            members.append(by_economy(ground, order, first.ranks, objective, due_dates(ground)))
        best = _Best(Judge(ground, members), members)
        if len(problem.graph.tasks) - len(problem.fixed) <= 1:
            return best.schedule
        for member in (by_path, by_optimistic_cost):
            if not best.done:
                best.offer(member(ground))
        if due and not best.done:
            best.offer(by_due_date(ground))
        if not best.done:
            _search(KeySpace(ground), best, problem, self._rounds)
        return best.schedule


class _Best:
    """The best schedule so far."""

    def __init__(self, judge: Judge, members: Sequence[Schedule]) -> None:
        self.schedule = members[0]
        self._judge = judge
        self._cost: Cost = judge.cost(members[0])
        for member in members[1:]:
            self.offer(member)

    @property
    def done(self) -> bool:
        return self._judge.done(self._cost)

    def offer(self, schedule: Schedule) -> Cost:
        """Keep the schedule if it is better; tell what it costs."""
        cost = self._judge.cost(schedule)
        if cost < self._cost:
            self.schedule, self._cost = schedule, cost
        return cost


def _search(space: KeySpace, best: _Best, problem: Problem, most: int) -> None:
    draw = random.Random(f"portfolio/{problem.seed}")
    tried: list[tuple[Cost, int, Keys]] = []
    for number, keys in enumerate(space.given()):
        tried.append((best.offer(space.schedule(keys)), number, keys))
    rounds = min(most, MOST_PLACED // len(problem.graph.tasks))
    for number in range(rounds):
        if best.done:
            return
        keys = space.anew(draw) if number < rounds // 2 else space.near(min(tried)[2], draw)
        tried.append((best.offer(space.schedule(keys)), len(tried), keys))

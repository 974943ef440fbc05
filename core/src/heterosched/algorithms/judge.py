"""Which of two schedules of a problem is better, and when none could be."""

from __future__ import annotations

from collections.abc import Sequence

from heterosched.algorithms.edf import fastest
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.idle import idle_joules, schedule_joules
from heterosched.model import Schedule

ENOUGH = 1e-9
"""Share of time and energy that counts as nothing: less than that decides between no two schedules."""

CLOCK = 6
"""Decimals of a second that count against a deadline; times since the epoch hold no more."""

Cost = tuple[float, float]
"""Seconds by which deadlines are missed in sum, then how far time and energy are from their best; less is better."""


class Judge:
    """Compares schedules by missed deadlines, then by the objective's weighted mean of 1 - T0 / T and 1 - J0 / J.

    T is the time from now to the end, J the energy of the tasks and of nodes that idle and wake up for them (idle.py),
    weighed by the nodes' rates.
    T0 and J0 are the least that a few given schedules reach, each on its own: the utopia point of R. T. Marler, J. S.
    Arora (Survey of multi-objective optimization methods for engineering, Structural and Multidisciplinary Optimization
    26, 2004, section 2). For one task it is the very sum that energy-aware HEFT weighs its ways by (energy_heft.py).
    """

    def __init__(self, ground: Ground, members: Sequence[Schedule]) -> None:
        """`members`: at least one schedule; one made for time and one made for energy are best."""
        self.problem = ground.problem
        self._due = [
            (name, task.deadline) for name, task in self.problem.graph.tasks.items() if task.deadline is not None
        ]
        self._seconds = min(self._span(member) for member in members)
        self._joules = min(self._energy(member) for member in members)
        options = [task.options for name, task in self.problem.graph.tasks.items() if name not in self.problem.fixed]
        least = sum(min((option.joules for option in own), default=0.0) for own in options)
        self._bound = self._weigh(shortest(ground), least * min(self.problem.rates.values(), default=1.0))

    def cost(self, schedule: Schedule) -> Cost:
        """What the schedule costs."""
        return round(self._late(schedule), CLOCK), self._weigh(self._span(schedule), self._energy(schedule))

    def done(self, cost: Cost) -> bool:
        """Whether no schedule could be better."""
        return cost[0] <= 0 and cost[1] <= self._bound + ENOUGH

    def _weigh(self, seconds: float, joules: float) -> float:
        slower = 1 - self._seconds / seconds if seconds > 0 else 0.0
        dearer = 1 - self._joules / joules if joules > 0 else 0.0
        objective = self.problem.objective
        total = objective.time + objective.energy
        cost = (objective.time * slower + objective.energy * dearer) / total if total > 0 else 0.0
        return round(cost / ENOUGH) * ENOUGH

    def _span(self, schedule: Schedule) -> float:
        return schedule.finish - self.problem.now if schedule.assignments else 0.0

    def _energy(self, schedule: Schedule) -> float:
        if self.problem.objective.energy <= 0:
            return 0.0
        return schedule_joules(schedule, self.problem.rates) + idle_joules(self.problem, schedule)

    def _late(self, schedule: Schedule) -> float:
        placed = schedule.assignments
        late = sum(max(0.0, placed[name].finish - due) for name, due in self._due if name in placed)
        return late + max(0.0, schedule.finish - self.problem.deadline) if placed else 0.0


def shortest(ground: Ground) -> float:
    """Seconds from now that the longest chain of tasks takes at its fastest: no schedule ends before."""
    problem = ground.problem
    held = {name: moment - problem.now for name, moment in problem.ready}
    end: dict[str, float] = {}
    for name in problem.graph.order:
        if name in problem.fixed:
            end[name] = problem.fixed[name].finish - problem.now
        else:
            start = max((end[edge.producer] for edge in problem.graph.parents[name]), default=0.0)
            end[name] = max(start, held.get(name, 0.0), 0.0) + fastest(ground, name)
    return max((own for name, own in end.items() if name not in problem.fixed), default=0.0)

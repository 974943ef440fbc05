"""A graph strategy of the product as a scheduler: waiting jobs are independent tasks of one problem."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heterosched.algorithms.base import Objective, Problem, Strategy, strategy
from heterosched.algorithms.check import check
from heterosched.model import Task, TaskGraph
from heterosched_lab.planning.following import Following, Planned
from heterosched_lab.planning.world import cluster_of, left, options_of, reservations
from heterosched_lab.simulate.log import Broken
from heterosched_lab.simulate.types import View

TIME_ALONE = Objective()


class StrategyScheduler(Following):
    """Plans with one strategy, which is asked exactly as the planner asks it.

    A strategy that raises ends the run by its name, and so does one whose schedule the product's own schedule checker
    refuses (capacity, devices, times). `objective`: how much time and energy count.
    """

    def __init__(
        self,
        chosen: Strategy | str,
        *,
        objective: Objective = TIME_ALONE,
        seed: int = 0,
        every: float = 0.0,
        most: int = 250,
        round_seconds: float = 0.0,
    ) -> None:
        self._strategy = strategy(chosen) if isinstance(chosen, str) else chosen
        super().__init__(self._strategy.name, every=every, most=most, round_seconds=round_seconds)
        self._objective, self._seed = objective, seed

    def planned(self, view: View, waiting: Sequence[int]) -> Iterable[Planned]:
        """Ask the strategy. Raises Broken."""
        tasks = [Task(str(job), options_of(view, job, left(view, job))) for job in waiting]
        cluster = cluster_of(view).with_reservations(reservations(view, self.caps))
        problem = Problem(TaskGraph.build(tasks, ()), cluster, view.now, self._objective, seed=self._seed)
        schedule = self._strategy.schedule(problem)
        faults = check(problem, schedule)
        if faults:
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise Broken(self.name, f"its schedule is not sound: {faults[0]}{more}", view.now)
        index = {node.name: number for number, node in enumerate(view.nodes)}
        for name, own in schedule.assignments.items():
            yield Planned(int(name), tuple(index[node] for node in own.nodes), own.start, own.option.cap_watts)

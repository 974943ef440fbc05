"""Ours: the production planner's timeline, places and objective, asked at every event about all jobs that wait.

Waiting jobs become tasks of one problem, each with an option per device type and power cap; what runs becomes
reservations until its expected end. Jobs are placed shortest first, each where the rule likes it best, now or later:
what is placed at once starts. A GPU that is free may so be kept for a job that is worth more there.

`EnergyAware` places by production's energy-aware HEFT with the weights of a policy's row: per job, shares of the best
time and of the least energy are added. `Priced` uses the same placement with one price of time for all jobs, so that
seconds and joules are traded at one rate over the whole stream: that is what a mean completion time and a sum of joules
reward.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.candidate import Candidate
from heterosched.algorithms.energy_heft import by_economy
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.placement import Placement
from heterosched.model import Cluster, Demand, Node, Option, Reservation, Schedule, Task, TaskGraph
from heterosched.planning.planner import objective_of
from heterosched.policy.table import BUILT_IN
from heterosched_lab.simulate.types import Start, View
from heterosched_lab.zeus.ways import Way, ways

QUEUE = 48
"""Jobs that are placed at a time: what stands behind so many others will not start now."""

PATIENCE = 0.25
"""A job is placed as if it had arrived by so much of its least run time later: short ones overtake, but none for ever.
Chosen on streams of seeds from 1000 on, among 0, 0.25, 0.5, 1, 2 and pure shortest first."""

WATTS = 100.0
"""A second counts as much as so many watts for its length where time and energy weigh the same (`Priced`)."""

ONE = Demand(gpus=1.0)


class Planned:
    """What both rules share. `weight`: of energy, 0 to 1; the rest is that of time."""

    round_seconds = 0.0

    def __init__(self, weight: float, patience: float = PATIENCE) -> None:
        self.weight, self._patience = weight, patience
        self.name = f"{type(self).__name__.lower()}_{weight:.2f}"
        self._tasks: dict[int, tuple[float, Task]] = {}
        self._running: dict[int, float] = {}
        """Seconds that each running job takes in all, in the way that was chosen for it."""

    def decide(self, view: View) -> Iterator[Start]:
        """Place the jobs that wait and start those whose place is free."""
        for job in view.waiting:
            self._running.pop(int(job), None)
            if int(job) not in self._tasks:
                self._tasks[int(job)] = self._task(view, int(job))
        queue = sorted((int(job) for job in view.waiting), key=lambda job: (self._tasks[job][0], job))[:QUEUE]
        if not queue or not any(view.free):
            return
        graph = TaskGraph({str(job): self._tasks[job][1] for job in queue}, ())
        cluster = Cluster(self._nodes(view), tuple(self._reservations(view)))
        problem = Problem(graph, cluster, view.now, self.objective)
        places = {node.name: number for number, node in enumerate(cluster.nodes)}
        free = round(float(sum(own for number, own in enumerate(view.free) if number not in view.lost)))
        for name, own in self.place(problem, [str(job) for job in queue], free).assignments.items():
            if own.start <= view.now:
                self._running[int(name)] = own.option.seconds
                yield Start(int(name), (places[own.nodes[0]],), own.option.cap_watts)

    @property
    def objective(self) -> Objective:
        """As the planner reads it from the row of a policy with these weights."""
        weights = {"speed": round(100 * (1 - self.weight)), "energy": round(100 * self.weight)}
        return objective_of(replace(BUILT_IN["Balanced"], weights=weights))

    def place(self, problem: Problem, order: Sequence[str], free: int) -> Schedule:
        """Tasks of the problem, in order: all, or as many as it takes until the `free` GPUs are taken."""
        raise NotImplementedError

    def among(self, found: Sequence[Way]) -> Sequence[Way]:
        """The ways that are worth comparing, of all of a job: a cap that is slower there and saves nothing is not."""
        best: dict[int, float] = {}
        kept = []
        for way in sorted(found, key=lambda way: (way.seconds, way.added_joules, way.cap)):
            if way.added_joules < best.get(way.node, math.inf):
                best[way.node] = way.added_joules
                kept.append(way)
        return kept

    def _task(self, view: View, job: int) -> tuple[float, Task]:
        """When a job has its turn, and the job as a task; it costs what it adds to GPUs that are always on."""
        found = ways(view, job)
        options = tuple(
            Option(way.device, way.seconds, ONE, way.added_joules / way.seconds, cap_watts=way.cap)
            for way in self.among(found)
        )
        turn = view.jobs[job].arrival + self._patience * min(way.seconds for way in found)
        return turn, Task(str(job), options)

    def _nodes(self, view: View) -> tuple[Node, ...]:
        return tuple(
            Node(own.name, own.device, Demand(gpus=float(own.gpus)), ready=number not in view.lost)
            for number, own in enumerate(view.nodes)
        )

    def _reservations(self, view: View) -> Iterator[Reservation]:
        for job, nodes in view.placed.items():
            left = self._running[job] * (1.0 - float(view.done[job]))
            yield Reservation(view.nodes[nodes[0]].name, ONE, view.now, view.now + left)


class EnergyAware(Planned):
    """Each job where the policy's weighted sum of speed and economy is largest (`algorithms.energy_heft`)."""

    def place(self, problem: Problem, order: Sequence[str], free: int) -> Schedule:
        """By production's own rule."""
        return by_economy(Ground(problem), order, {}, problem.objective)


class Priced(Planned):
    """Each job where its finish, at the price of time, and its joules together cost least."""

    def place(self, problem: Problem, order: Sequence[str], free: int) -> Schedule:
        """List scheduling on production's timeline, until nothing more can start now."""
        placement = Placement(problem)
        for name in order:
            best = min(placement.candidates(name, placement.arrivals(name)), key=self._cost)
            placement.place(name, best)
            free -= best.start <= 0.0
            if not free:
                break
        return placement.schedule({})

    def _cost(self, candidate: Candidate) -> tuple[float, float]:
        return self.price(candidate.finish, candidate.option.joules), candidate.finish

    def price(self, seconds: float, joules: float) -> float:
        """Seconds and joules as one figure."""
        return (1.0 - self.weight) * WATTS * seconds + self.weight * joules

    def among(self, found: Sequence[Way]) -> Sequence[Way]:
        """On each type the cap that costs least: at one price for all seconds it is the best one whenever it starts."""
        best: dict[int, Way] = {}
        for way in found:
            known = best.get(way.node)
            if known is None or self._way(way) < self._way(known):
                best[way.node] = way
        return list(best.values())

    def _way(self, way: Way) -> tuple[float, float]:
        return self.price(way.seconds, way.added_joules), way.seconds

"""Places tasks one by one on a common timeline: what every list-scheduling strategy shares.

For an option the run time does not depend on the node, so the node with the earliest start is also the one with the
earliest finish. Nodes that nobody touches and that are alike start alike: one of them stands for all.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from heterosched.algorithms.base import Problem
from heterosched.algorithms.eligible import eligible, missing
from heterosched.algorithms.timeline import Timeline
from heterosched.errors import Unplaceable
from heterosched.model import Assignment, Demand, Option, Schedule, Task


@dataclass(frozen=True, slots=True)
class Candidate:
    """The best place for one option: start and finish in seconds after the problem's `now`."""

    option: Option
    places: tuple[int, ...]
    start: float
    finish: float


@dataclass(frozen=True, slots=True)
class Arrivals:
    """From when on a task can start: at `anywhere`, or earlier at positions that hold its data already (`here`).

    `ready` is when its producers have finished, transfers not counted.
    """

    ready: float
    anywhere: float
    here: Mapping[int, float]

    def at(self, position: int) -> float:
        """The time at which all inputs are on the node."""
        return self.here.get(position, self.anywhere)

    @property
    def earliest(self) -> float:
        """A lower bound of every start."""
        return min(self.here.values(), default=self.anywhere)


class Placement:
    """The state of a problem while its tasks are placed; `place` commits one task.

    With a `lot`, among nodes that are free at the same time the one that was given a task longest ago comes first, and
    among those that were given none the order is drawn; without one it is that of the cluster's list.
    """

    def __init__(self, problem: Problem, *, lot: random.Random | None = None) -> None:
        self.problem = problem
        self.nodes = problem.cluster.nodes
        self.timeline = Timeline(self.nodes, problem.cluster.reservations, problem.now, problem.horizon)
        self._horizon = problem.horizon - problem.now
        self._held_back = {name: moment - problem.now for name, moment in problem.ready}
        self._finish: dict[str, float] = {}
        self._where: dict[str, frozenset[int]] = {}
        self._placed: dict[str, Assignment] = {}
        self._eligible: dict[tuple[str, Demand, int, frozenset[str] | None], tuple[int, ...]] = {}
        positions = self.timeline.positions
        for name, fixed in problem.fixed.items():
            self._finish[name] = fixed.finish - problem.now
            self._where[name] = frozenset(positions[node] for node in fixed.nodes if node in positions)
        self._served = [0] * len(self.nodes)
        self._drawn = None if lot is None else self._draw(lot)

    def _draw(self, lot: random.Random) -> list[int]:
        """A place in the drawn order for every node. Only what nodes offer and hold tells them apart, so nodes that are
        alike may change places without any other effect.
        """
        selections = list(dict.fromkeys(t.nodes for t in self.problem.graph.tasks.values() if t.nodes is not None))
        holders = list(self._where.values())

        def content(position: int) -> tuple[object, ...]:
            node, row = self.nodes[position], self.timeline.rows[position]
            size = node.allocatable
            selected = tuple(node.name in names for names in selections)
            holding = tuple(position in where for where in holders)
            offer = (node.device, size.cpu, size.memory, size.gpus, node.ready)
            return *offer, row.times, row.free, selected, holding

        order = sorted(range(len(self.nodes)), key=content)
        lot.shuffle(order)
        drawn = [0] * len(order)
        for number, position in enumerate(order):
            drawn[position] = number
        return drawn

    def turn(self, position: int) -> tuple[int, int]:
        """Where a node stands among those that are free at the same time; the least comes first."""
        return self._served[position], position if self._drawn is None else self._drawn[position]

    def eligible(self, task: Task, option: Option) -> tuple[int, ...]:
        """Positions of the nodes that could run the option when idle: by turn where there is a lot, else the nodes of
        the device itself before others.
        """
        key = (option.device, option.demand, option.workers, task.nodes)
        if key not in self._eligible:
            found = eligible(self.nodes, task, option)
            self._eligible[key] = tuple(sorted(found, key=lambda p: self.nodes[p].device != option.device))
        if self._drawn is not None:  # kept in order, so that sorting it again takes one pass
            self._eligible[key] = tuple(sorted(self._eligible[key], key=self.turn))
        return self._eligible[key]

    def ready(self, name: str) -> float:
        """When the producers of a task have all finished (transfers not counted), never before now."""
        parents = self.problem.graph.parents[name]
        return max(0.0, *(self._finish[edge.producer] for edge in parents)) if parents else 0.0

    def arrivals(self, name: str) -> Arrivals:
        """When the inputs of a task are where; its producers have to be placed before."""
        floor = max(0.0, self._held_back.get(name, 0.0))
        ready = max(floor, self.ready(name))
        link = self.problem.cluster.link
        moved = [
            (self._finish[edge.producer], link.seconds(edge.size_bytes), self._where[edge.producer])
            for edge in self.problem.graph.parents[name]
            if edge.size_bytes > 0
        ]
        anywhere = max((finish + transfer for finish, transfer, _ in moved), default=ready)
        here = {
            position: max(
                ready, *(finish + (0.0 if position in where else transfer) for finish, transfer, where in moved)
            )
            for position in sorted(frozenset().union(*(where for _, _, where in moved)))
        }
        return Arrivals(ready, max(anywhere, ready), here)

    def candidates(self, name: str, arrivals: Arrivals) -> list[Candidate]:
        """The earliest place of each option that has one, in the order of the options.

        Places behind the horizon are offered only where there is none before it. Raises Unplaceable.
        """
        task = self.problem.graph.tasks[name]
        found = [
            candidate for option in task.options if (candidate := self._earliest(task, option, arrivals)) is not None
        ]
        if not found:
            raise Unplaceable(name, missing(self.problem.cluster, task))
        soon = [candidate for candidate in found if candidate.start < self._horizon]
        found = soon or [candidate for candidate in found if candidate.start < math.inf]
        if not found:
            devices = " or ".join(sorted({option.device for option in task.options}))
            raise Unplaceable(
                name, f"all nodes that offer {devices} are held until further notice; free one or add one"
            )
        return found

    def _earliest(self, task: Task, option: Option, arrivals: Arrivals) -> Candidate | None:
        positions = self.eligible(task, option)
        if not positions:
            return None
        seconds = option.seconds + self.problem.launch_seconds
        if option.workers > 1:
            ready = {position: arrivals.at(position) for position in positions}
            start, places = self.timeline.together(positions, ready, seconds, option.demand, option.workers)
        else:
            start, place = self._first(positions, option.demand, seconds, arrivals)
            places = (place,)
        return Candidate(option, places, start, start + seconds)

    def _first(
        self, positions: tuple[int, ...], demand: Demand, seconds: float, arrivals: Arrivals
    ) -> tuple[float, int]:
        """The earliest start and its node; the first node in order among equals."""
        best, place, bound = math.inf, positions[0], arrivals.earliest
        rows = self.timeline.rows
        alike: set[object] = set()
        for position in positions:
            row = rows[position]
            if len(row.times) == 1 and position not in arrivals.here:
                if row.free[0] in alike:
                    continue
                alike.add(row.free[0])
            ready = arrivals.at(position)
            if ready >= best:
                continue
            start = row.earliest(ready, seconds, demand)
            if start < best:
                best, place = start, position
                if start <= bound:
                    break
        return best, place

    def place(self, name: str, candidate: Candidate) -> None:
        """Commit a task to its place."""
        for place in candidate.places:
            self._served[place] = len(self._placed) + 1
            self.timeline.rows[place].take(candidate.start, candidate.finish, candidate.option.demand)
        self._finish[name] = candidate.finish
        self._where[name] = frozenset(candidate.places)
        now = self.problem.now
        self._placed[name] = Assignment(
            name,
            candidate.option,
            tuple(self.nodes[place].name for place in candidate.places),
            now + candidate.start,
            now + candidate.finish,
        )

    def schedule(self, ranks: Mapping[str, float]) -> Schedule:
        """What has been placed, in the order in which it was."""
        return Schedule(dict(self._placed), dict(ranks))

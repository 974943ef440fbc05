"""Which nodes need not be asked when a task looks for its earliest start: spares most looks at busy timelines.

Tasks are mostly placed later than all gaps of a node, in the time after its last task. So two moments say enough of a
node: `gap`, at which its last gap ends that the shortest run of a demand fits into, and `free`, from which on the
demand fits for ever. A run that would end after `gap` starts at `free` or when it is ready, whichever is later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heterosched.algorithms.base import Problem
from heterosched.algorithms.timeline import NodeTimeline
from heterosched.model import Demand

MOST = 8
"""Demands that are kept track of; with more, that would cost more than it spares."""


def shortest_runs(problem: Problem) -> dict[Demand, float]:
    """Seconds of the shortest run of each demand of single workers that is to be placed; none where there are many."""
    found: dict[Demand, float] = {}
    for name, task in problem.graph.tasks.items():
        for option in task.options if name not in problem.fixed else ():
            if option.workers == 1:
                seconds = option.seconds + problem.launch_seconds
                found[option.demand] = min(found.get(option.demand, seconds), seconds)
    return found if len(found) <= MOST else {}


class Openings:
    """`gap` and `free` of each node by demand, in seconds after the problem's `now`."""

    def __init__(self, shortest: Mapping[Demand, float], rows: Sequence[NodeTimeline]) -> None:
        """`shortest`: seconds of the shortest run of each demand that is to be kept track of."""
        self._shortest = shortest
        self._gap: dict[Demand, list[float]] = {}
        self._free: dict[Demand, list[float]] = {}
        for demand, seconds in shortest.items():
            found = [row.opening(seconds, demand) for row in rows]
            self._gap[demand] = [gap for gap, _ in found]
            self._free[demand] = [free for _, free in found]
        self._none = [0.0] * len(rows)

    def copy(self) -> Openings:
        """The same, to be changed on its own."""
        found = Openings.__new__(Openings)
        found._shortest, found._none = self._shortest, self._none
        found._gap = {demand: own[:] for demand, own in self._gap.items()}
        found._free = {demand: own[:] for demand, own in self._free.items()}
        return found

    def of(self, demand: Demand) -> tuple[Sequence[float], Sequence[float]]:
        """`gap` and `free` of each node by position; zeros, which rule nothing out, where they are not kept."""
        return self._gap.get(demand, self._none), self._free.get(demand, self._none)

    def renew(self, place: int, row: NodeTimeline) -> None:
        """Take note that the timeline of a node has changed."""
        for demand, seconds in self._shortest.items():
            self._gap[demand][place], self._free[demand][place] = row.opening(seconds, demand)

"""Places tasks on nodes that are given, each as early as the nodes, its inputs and all pools allow.

So a strategy's schedule is held under caps and quotas whatever the strategy, and so a plan is continued where it was.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from heterosched.algorithms.timeline import NodeTimeline
from heterosched.model import Assignment, Option, Schedule, TaskGraph
from heterosched.planning.board import Board
from heterosched.planning.pools import Pool


class Trial:
    """Assignments that are tried on a board without being taken. `waiting`: tasks that a pool holds back, with its
    reason; `limits`: with its name.
    """

    def __init__(self, board: Board, pools: Iterable[Pool] = ()) -> None:
        self._board = board
        self._pools = [pool.copy() for pool in pools]
        self._rows: dict[int, NodeTimeline] = {}
        self.waiting: dict[str, str] = {}
        self.limits: dict[str, str] = {}

    def place(self, name: str, option: Option, nodes: tuple[str, ...], ready: float) -> Assignment:
        """Place a task on these nodes, from `ready` (seconds after now) on. What never fits starts at the horizon."""
        board, seconds = self._board, option.seconds + self._board.launch
        counts = Counter(board.timeline.positions[node] for node in nodes)
        rows = {place: self._row(place) for place in counts}

        def on_nodes(start: float) -> float:
            return max(row.earliest(start, seconds, option.demand.times(counts[place])) for place, row in rows.items())

        def in_pools(start: float) -> float:
            return max(pool.earliest(start, seconds, option, nodes) for pool in self._pools)

        start = free = _settled(on_nodes, ready)
        if self._pools and free < math.inf:
            start = _settled(lambda at: max(on_nodes(at), in_pools(at)), free)
            if start > free:
                late = max(self._pools, key=lambda pool: pool.earliest(free, seconds, option, nodes))
                self.waiting[name], self.limits[name] = late.reason, late.told(free, seconds, option, nodes)
        if start == math.inf:
            start = board.horizon - board.now
        else:
            for place, row in rows.items():
                row.take(start, start + seconds, option.demand.times(counts[place]))
            for pool in self._pools:
                pool.take(start, start + seconds, option, nodes)
        return Assignment(name, option, nodes, board.now + start, board.now + start + seconds)

    def _row(self, place: int) -> NodeTimeline:
        if place not in self._rows:
            self._rows[place] = self._board.timeline.rows[place].copy()
        return self._rows[place]

    def follow(
        self,
        graph: TaskGraph,
        places: Mapping[str, Assignment],
        fixed: Mapping[str, Assignment],
        ready: Mapping[str, float],
    ) -> Schedule:
        """All of `places` on their nodes, in the order of their starts. `ready`: epoch seconds before which a task may
        not start. Producers are in `places` or in `fixed`.
        """
        now, link = self._board.now, self._board.cluster.link
        done: dict[str, Assignment] = {}
        position = {name: number for number, name in enumerate(graph.order)}
        for name in sorted(places, key=lambda name: (places[name].start, position[name])):
            wanted = places[name]
            at = max(0.0, ready.get(name, now) - now)
            for edge in graph.parents[name]:
                before = done.get(edge.producer) or fixed[edge.producer]
                near = set(wanted.nodes) <= set(before.nodes)
                at = max(at, before.finish - now + (0.0 if near else link.seconds(edge.size_bytes)))
            done[name] = self.place(name, wanted.option, wanted.nodes, at)
        return Schedule(done)


def _settled(earliest: Callable[[float], float], ready: float) -> float:
    """The first start from `ready` on that nothing pushes further; infinity where there is none."""
    start = ready
    while True:
        later = earliest(start)
        if later == start or later == math.inf:
            return later
        start = later

"""What is free on each node over time, and the earliest moment at which something fits (insertion into gaps included).

Free capacity of a node is piecewise constant: `times[i]` opens a segment that lasts to `times[i + 1]`, the last one for
ever. Times are seconds after the origin; nothing before the origin is kept.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

from heterosched.model import Demand, Node, Reservation
from heterosched.model.cluster import EPSILON

_Free = tuple[float, float, float]


class NodeTimeline:
    """Free cores, bytes and GPUs of one node."""

    __slots__ = ("free", "times")

    def __init__(self, allocatable: Demand, taken: Iterable[tuple[float, float, Demand]] = ()) -> None:
        """`taken`: start, finish and demand of what others hold; more than there is leaves a negative rest."""
        changes: dict[float, list[float]] = {}
        for start, finish, demand in taken:
            for moment, sign in ((max(start, 0.0), -1.0), (finish, 1.0)):
                change = changes.setdefault(moment, [0.0, 0.0, 0.0])
                change[0] += sign * demand.cpu
                change[1] += sign * demand.memory
                change[2] += sign * demand.gpus
        level = (allocatable.cpu, allocatable.memory, allocatable.gpus)
        self.times: list[float] = [0.0]
        self.free: list[_Free] = [level]
        for moment in sorted(changes):
            if moment == math.inf:
                break
            cpu, memory, gpus = changes[moment]
            level = (level[0] + cpu, level[1] + memory, level[2] + gpus)
            if moment > 0.0:
                self.times.append(moment)
                self.free.append(level)
            else:
                self.free[0] = level

    def copy(self) -> NodeTimeline:
        """The same, to be changed on its own."""
        found = NodeTimeline.__new__(NodeTimeline)
        found.times, found.free = self.times[:], self.free[:]
        return found

    def earliest(self, ready: float, seconds: float, demand: Demand, limit: float = math.inf) -> float:
        """The earliest start from `ready` on at which `demand` fits for `seconds`; infinity where it never does.

        A start at or after `limit` may be told as infinity: the search ends there.
        """
        times, free, last = self.times, self.free, len(self.times) - 1
        cpu, memory, gpus = demand.cpu - EPSILON, demand.memory - EPSILON, demand.gpus - EPSILON
        segment = bisect_right(times, ready) - 1
        start = ready
        while True:
            free_cpu, free_memory, free_gpus = free[segment]
            fits = cpu <= free_cpu and memory <= free_memory and gpus <= free_gpus
            if segment == last:
                return start if fits else math.inf
            segment += 1
            if not fits:
                start = times[segment]
                if start >= limit:
                    return math.inf
            elif times[segment] >= start + seconds:
                return start

    def opening(self, seconds: float, demand: Demand) -> tuple[float, float]:
        """When the last gap ends that `demand` fits into for `seconds` (0: none), and from when on it fits for ever."""
        times, segment = self.times, self._busy(len(self.times) - 1, demand)
        ever = times[segment + 1] if segment + 1 < len(times) else math.inf
        while segment >= 0:
            end, before = times[segment], segment - 1
            segment = self._busy(before, demand)
            if segment < before and end >= times[segment + 1] + seconds:
                return end, ever
        return 0.0, ever

    def _busy(self, segment: int, demand: Demand) -> int:
        """The last segment, from the given one backwards, that `demand` does not fit into; -1 where there is none."""
        cpu, memory, gpus = demand.cpu - EPSILON, demand.memory - EPSILON, demand.gpus - EPSILON
        while segment >= 0:
            free = self.free[segment]
            if cpu > free[0] or memory > free[1] or gpus > free[2]:
                return segment
            segment -= 1
        return -1

    def take(self, start: float, finish: float, demand: Demand) -> None:
        """Take `demand` from `start` to `finish`."""
        first = self._cut(start)
        behind = self._cut(finish) if finish < math.inf else len(self.times)
        cpu, memory, gpus = demand.cpu, demand.memory, demand.gpus
        for segment in range(first, behind):
            free = self.free[segment]
            self.free[segment] = (free[0] - cpu, free[1] - memory, free[2] - gpus)
        self._join(behind)
        self._join(first)

    def _join(self, segment: int) -> None:
        """Drop the border before a segment that has as much free as the one before: tasks back to back leave none."""
        if 0 < segment < len(self.free) and self.free[segment] == self.free[segment - 1]:
            del self.free[segment], self.times[segment]

    def _cut(self, moment: float) -> int:
        """The segment that starts at `moment`, made by cutting one where there is none yet."""
        place = bisect_left(self.times, moment)
        if place == len(self.times) or self.times[place] != moment:
            self.times.insert(place, moment)
            self.free.insert(place, self.free[place - 1])
        return place

    def workers(self, ready: float, seconds: float, demand: Demand, most: int) -> list[tuple[float, int]]:
        """How many workers could start together, as (start, count) steps from `ready` on; a count is at most `most`.

        A segment limits every start whose window of `seconds` touches it, so the count at a start is the least count
        of the segments in its window. A start at `lasts` does not touch it yet, any later one does: a step begins
        right behind, since a start may be a moment of another node.
        """
        first = bisect_right(self.times, ready) - 1
        opens = [ready, *self.times[first + 1 :]]
        counts = [_count(free, demand, most) for free in self.free[first:]]
        lasts = [moment - seconds for moment in opens]
        touching = (math.nextafter(last, math.inf) for last in lasts if last >= ready)
        steps: list[tuple[float, int]] = []
        here = 0
        for moment in sorted({*opens, *touching}):
            while here + 1 < len(opens) and opens[here + 1] <= moment:
                here += 1
            least, ahead, finish = counts[here], here + 1, moment + seconds
            while least and ahead < len(opens) and (opens[ahead] < finish or lasts[ahead] < moment):
                least = min(least, counts[ahead])
                ahead += 1
            if not steps or steps[-1][1] != least:
                steps.append((moment, least))
        return steps


def _count(free: _Free, demand: Demand, most: int) -> int:
    count = float(most)
    for have, need in zip(free, (demand.cpu, demand.memory, demand.gpus), strict=True):
        if need > 0:
            count = min(count, (have + EPSILON) // need)
        elif have < -EPSILON:
            return 0
    return max(0, int(count))


class Timeline:
    """The timelines of a cluster's nodes, addressed by position; times are relative to `origin`."""

    def __init__(
        self,
        nodes: Sequence[Node],
        reservations: Iterable[Reservation] = (),
        origin: float = 0.0,
        horizon: float = math.inf,
    ) -> None:
        """Reservations of unknown nodes are ignored; those that outlast `horizon` (a time, as `origin`) end there."""
        self.positions: Mapping[str, int] = {node.name: position for position, node in enumerate(nodes)}
        taken: list[list[tuple[float, float, Demand]]] = [[] for _ in nodes]
        for held in reservations:
            position = self.positions.get(held.node)
            finish = min(held.finish, horizon) - origin
            if position is not None and finish > max(held.start - origin, 0.0):
                taken[position].append((held.start - origin, finish, held.demand))
        self.rows = [NodeTimeline(node.allocatable, row) for node, row in zip(nodes, taken, strict=True)]
        self._shared: set[int] = set()

    def copy(self) -> Timeline:
        """The same, to be changed on its own, by `take` alone: a node's row is shared until then."""
        found = Timeline.__new__(Timeline)
        found.positions, found.rows, found._shared = self.positions, self.rows[:], set(range(len(self.rows)))
        return found

    def take(self, place: int, start: float, finish: float, demand: Demand) -> None:
        """Take `demand` on a node from `start` to `finish`."""
        if place in self._shared:
            self._shared.remove(place)
            self.rows[place] = self.rows[place].copy()
        self.rows[place].take(start, finish, demand)

    def together(
        self, nodes: Sequence[int], ready: Mapping[int, float], seconds: float, demand: Demand, workers: int
    ) -> tuple[float, tuple[int, ...]]:
        """The earliest start at which all workers fit for `seconds`, and their nodes: few nodes, ties in given order.

        `ready`: from when on each node may be used. (infinity, ()) where they never fit together.
        """
        steps = [
            (moment, order, count)
            for order, node in enumerate(nodes)
            for moment, count in self.rows[node].workers(ready[node], seconds, demand, workers)
        ]
        steps.sort()
        counts = [0] * len(nodes)
        total, step = 0, 0
        while step < len(steps):
            moment = steps[step][0]
            while step < len(steps) and steps[step][0] == moment:
                _, order, count = steps[step]
                total += count - counts[order]
                counts[order] = count
                step += 1
            if total >= workers:
                return moment, tuple(nodes[order] for order in _fewest(counts, workers))
        return math.inf, ()


def _fewest(counts: Sequence[int], workers: int) -> list[int]:
    """Places for `workers` on as few nodes as possible: the node that holds most first."""
    places: list[int] = []
    for order in sorted(range(len(counts)), key=lambda order: -counts[order]):
        places += [order] * min(counts[order], workers - len(places))
        if len(places) == workers:
            break
    return places

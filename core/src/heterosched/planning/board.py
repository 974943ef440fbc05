"""What is free on all nodes over time while the jobs of a plan are placed one after the other.

One job after the other takes its places here. A job of a single task is shown only the best node for each of its ways:
for it they are as good as the whole cluster, so that the number of nodes does not hurt.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from heterosched.algorithms.eligible import runs
from heterosched.algorithms.timeline import Timeline
from heterosched.model import CPU, Assignment, Cluster, Demand, Option, Reservation, Task

_Heap = list[tuple[float, bool, int]]
"""Lower bound of the start, whether the node's device is another one, position."""

_Place = tuple[int, float, float, Demand]
"""Position, start and finish in seconds after `now`, what all workers there take together."""


class Board:
    """The cluster of a plan; times in seconds after `now` inside, epoch seconds in assignments."""

    def __init__(self, cluster: Cluster, now: float, horizon: float, launch_seconds: float) -> None:
        self.cluster, self.now, self.horizon, self.launch = cluster, now, horizon, launch_seconds
        self.timeline = Timeline(cluster.nodes, cluster.reservations, now, horizon)
        self._by_node: dict[str, list[Reservation]] = {}
        self._heaps: dict[tuple[str, Demand, frozenset[str] | None], _Heap] = {}
        self._kinds: dict[frozenset[str] | None, Counter[tuple[str, Demand]]] = {}
        self._note(cluster.reservations)

    def _note(self, reservations: Iterable[Reservation]) -> None:
        for reservation in reservations:
            self._by_node.setdefault(reservation.node, []).append(reservation)

    def take(self, assignments: Iterable[Assignment]) -> None:
        """Take the places of these assignments, from now on."""
        for own, places in self._ahead(assignments):
            for place, start, finish, demand in places:
                self.timeline.rows[place].take(start, finish, demand)
            self._note(_reservations(own))

    def give(self, assignments: Iterable[Assignment]) -> None:
        """Give back what `take` has taken."""
        for own, places in self._ahead(assignments):
            for place, start, finish, demand in places:
                self.timeline.rows[place].take(start, finish, demand.times(-1))
                self._freed(place)
            for reservation in _reservations(own):
                self._by_node[reservation.node].remove(reservation)

    def _ahead(self, assignments: Iterable[Assignment]) -> Iterator[tuple[Assignment, list[_Place]]]:
        """Those that are not over by now, each with what it holds of the nodes that are still there."""
        for own in assignments:
            start, finish = max(0.0, own.start - self.now), min(own.finish, self.horizon) - self.now
            if finish <= start:
                continue
            counts = ((self.timeline.positions.get(node), count) for node, count in Counter(own.nodes).items())
            demand = own.option.demand
            yield own, [(place, start, finish, demand.times(count)) for place, count in counts if place is not None]

    def _freed(self, place: int) -> None:
        node = self.cluster.nodes[place]
        for (device, _, names), heap in self._heaps.items():
            if node.ready and node.offers(device) and (names is None or node.name in names):
                heapq.heappush(heap, (0.0, node.device != device, place))

    def whole(self, but: Iterable[Assignment] = ()) -> Cluster:
        """The cluster with all that has been taken, `but` for these assignments."""
        left = Counter(reservation for own in but for reservation in _reservations(own))
        every = chain.from_iterable(self._by_node.values())
        if not left:
            return replace(self.cluster, reservations=tuple(every))
        kept = []
        for reservation in every:
            if left.get(reservation, 0):
                left[reservation] -= 1
            else:
                kept.append(reservation)
        return replace(self.cluster, reservations=tuple(kept))

    def part(self, positions: Iterable[int]) -> Cluster:
        """The same, of these nodes alone."""
        nodes = tuple(self.cluster.nodes[position] for position in sorted(set(positions)))
        held = [reservation for node in nodes for reservation in self._by_node.get(node.name, ())]
        return replace(self.cluster, nodes=nodes, reservations=tuple(held))

    def soonest(self, task: Task, option: Option, ready: float = 0.0) -> tuple[float, int]:
        """The earliest start of one worker from `ready` on and its node, the first among equals; (infinity, -1)."""
        heap = self._heap(task, option)
        seconds, rows = option.seconds + self.launch, self.timeline.rows
        weak, seen = _weak(option.demand), []
        best, place = math.inf, -1
        while heap and heap[0][0] < best and not (best <= ready):
            bound, other, position = heapq.heappop(heap)
            room = rows[position].earliest(bound, 0.0, weak)
            if room > bound:
                if room < math.inf:
                    heapq.heappush(heap, (room, other, position))
                continue
            seen.append((bound, other, position))
            if runs(self.cluster.nodes[position], task, option):
                start = rows[position].earliest(max(ready, bound), seconds, option.demand)
                if start < best:
                    best, place = start, position
        for entry in seen:
            heapq.heappush(heap, entry)
        return best, place

    def mean_seconds(self, task: Task) -> float:
        """The task's run time in the fastest way that each node offers, averaged over the nodes that could run it."""
        total, count = 0.0, 0
        for (device, allocatable), number in self._kinds_of(task.nodes).items():
            seconds = [
                option.seconds
                for option in task.options
                if option.device in (device, CPU) and option.demand.fits(allocatable)
            ]
            if seconds:
                total, count = total + number * min(seconds), count + number
        return total / count if count else 0.0

    def _kinds_of(self, names: frozenset[str] | None) -> Mapping[tuple[str, Demand], int]:
        if names not in self._kinds:
            self._kinds[names] = Counter(
                (node.device, node.allocatable)
                for node in self.cluster.nodes
                if node.ready and (names is None or node.name in names)
            )
        return self._kinds[names]

    def _heap(self, task: Task, option: Option) -> _Heap:
        """Nodes by a lower bound of when they have room; bounds only grow, because places are only taken."""
        key = (option.device, _weak(option.demand), task.nodes)
        if key not in self._heaps:
            self._heaps[key] = [
                (0.0, node.device != option.device, position)
                for position, node in enumerate(self.cluster.nodes)
                if node.ready and node.offers(option.device) and (task.nodes is None or node.name in task.nodes)
            ]
            heapq.heapify(self._heaps[key])
        return self._heaps[key]


def _reservations(own: Assignment) -> Iterator[Reservation]:
    return (Reservation(node, own.option.demand, own.start, own.finish) for node in own.nodes)


def _weak(demand: Demand) -> Demand:
    """A demand that is never larger and that few differ in, so that many tasks share an order of the nodes."""
    if demand.gpus > 0:
        return Demand(gpus=demand.gpus)
    return Demand(cpu=2.0 ** math.floor(math.log2(demand.cpu))) if demand.cpu > 0 else Demand()

"""Places tasks one by one on a common timeline: what every list-scheduling strategy shares.

For an option the run time does not depend on the node, so the node with the earliest start is also the one with the
earliest finish. Nodes that nobody touches and that are alike start alike: one of them stands for all.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import TIE, Arrivals, Candidate, earliest_finish
from heterosched.algorithms.eligible import missing
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.timeline import NodeTimeline
from heterosched.errors import Unplaceable
from heterosched.model import Assignment, Demand, Option, Schedule


class Placement:
    """The state of a problem while its tasks are placed; `place` commits one task.

    With a `lot`, among nodes that are free at the same time the one that was given a task longest ago comes first, and
    among those that were given none the order is drawn; without one it is that of the cluster's list.
    """

    def __init__(self, problem: Problem, *, lot: random.Random | None = None, ground: Ground | None = None) -> None:
        self.problem = problem
        self.ground = ground or Ground(problem)
        self.nodes = self.ground.nodes
        self.timeline = self.ground.timeline.copy()
        self._openings = self.ground.openings.copy()
        self.served = [0] * len(self.nodes)
        self.placed: dict[str, Assignment] = {}
        self._horizon = problem.horizon - problem.now
        self._ready = {name: max(0.0, moment - problem.now) for name, moment in problem.ready}
        self._finished: dict[str, float] = {}
        self._moved: dict[str, dict[frozenset[int], float]] = {}
        positions = self.timeline.positions
        for name, fixed in problem.fixed.items():
            where = frozenset(positions[node] for node in fixed.nodes if node in positions)
            self._deliver(name, fixed.finish - problem.now, where)
        self._drawn = None if lot is None else self._draw(lot)

    def _draw(self, lot: random.Random) -> list[int]:
        """A place in the drawn order for every node. Only what nodes offer and hold tells them apart, so nodes that are
        alike may change places without any other effect.
        """
        problem, positions = self.problem, self.timeline.positions
        selections = list(dict.fromkeys(t.nodes for t in problem.graph.tasks.values() if t.nodes is not None))
        holders = [{positions.get(node, -1) for node in fixed.nodes} for fixed in problem.fixed.values()]

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
        return self.served[position], position if self._drawn is None else self._drawn[position]

    def _deliver(self, name: str, finish: float, where: frozenset[int]) -> None:
        """Tell the consumers of a task when its output is where."""
        link = self.problem.cluster.link
        for edge in self.problem.graph.children[name]:
            consumer = edge.consumer
            if finish > self._finished.get(consumer, 0.0):
                self._finished[consumer] = finish
            if edge.size_bytes > 0:
                moved = self._moved.setdefault(consumer, {})
                moved[where] = max(moved.get(where, 0.0), finish + link.seconds(edge.size_bytes))

    def ready(self, name: str) -> float:
        """When the producers of a task have all finished (transfers not counted), never before now."""
        return self._finished.get(name, 0.0)

    def arrivals(self, name: str, also: tuple[float, float, frozenset[int]] | None = None) -> Arrivals:
        """When the inputs of a task are where; its producers have to be placed before.

        `also`: one that is not placed yet, by its finish, the bytes that it sends and its nodes.
        """
        ready = max(self._finished.get(name, 0.0), self._ready.get(name, 0.0))
        moved = self._moved.get(name, {})
        if also is not None:
            finish, size, where = also
            ready = max(ready, finish)
            if size > 0:
                arrival = finish + self.problem.cluster.link.seconds(size)
                moved = {**moved, where: max(arrival, moved.get(where, 0.0))}
        if not moved:
            return Arrivals(ready, ready, {})
        anywhere = max(moved.values())
        if anywhere <= ready:
            return Arrivals(ready, ready, {})
        here: dict[int, float] = {}
        latest = max(moved, key=lambda where: moved[where])
        for position in sorted(latest):
            own = max((arrival for where, arrival in moved.items() if position not in where), default=ready)
            if own < anywhere:
                here[position] = max(ready, own)
        return Arrivals(ready, anywhere, here)

    def candidates(self, name: str, arrivals: Arrivals) -> list[Candidate]:
        """The earliest place of each option that has one, in the order of the options.

        Places behind the horizon are offered only where there is none before it. Raises Unplaceable.
        """
        found = [
            self.first(option, places.nodes, arrivals)
            for option, places in zip(self.problem.graph.tasks[name].options, self.ground.places(name), strict=True)
            if places.nodes
        ]
        return self.usable(name, found)

    def spread(self, name: str, arrivals: Arrivals) -> list[Candidate]:
        """The same for each option on each kind of node. Raises Unplaceable."""
        found: list[Candidate] = []
        for option, places in zip(self.problem.graph.tasks[name].options, self.ground.places(name), strict=True):
            if option.workers > 1:
                found += [self.first(option, places.nodes, arrivals)] if places.nodes else []
            else:
                found += [self.first(option, nodes, arrivals) for nodes in places.by_kind.values()]
        return self.usable(name, found)

    def soonest(self, name: str, arrivals: Arrivals) -> Candidate:
        """The candidate that `earliest_finish` would choose, found without a look at those that cannot be it."""
        options = self.problem.graph.tasks[name].options
        ways = [(option, places.nodes, 0.0) for option, places in zip(options, self.ground.places(name), strict=True)]
        return earliest_finish(self.usable(name, [found for found, _ in self._least(ways, arrivals)]))

    def ahead(self, name: str, arrivals: Arrivals, rest: Sequence[float]) -> Candidate:
        """The candidate whose finish and `rest` (seconds by kind of node) together are least."""
        ways: list[tuple[Option, tuple[int, ...], float]] = []
        for option, places in zip(self.problem.graph.tasks[name].options, self.ground.places(name), strict=True):
            if option.workers > 1:
                first = self.ground.kinds[places.nodes[0]] if places.nodes else 0
                ways.append((option, places.nodes, rest[first] if rest else 0.0))
            else:
                ways += [(option, nodes, rest[kind]) for kind, nodes in places.by_kind.items()]
        offers = self._least(ways, arrivals)
        kept = self.usable(name, [found for found, _ in offers])
        ends = [found.finish + more for found, more in offers if any(found is one for one in kept)]
        enough = min(ends) * (1 + TIE)
        return earliest_finish([found for found, end in zip(kept, ends, strict=True) if end <= enough])

    def _least(
        self, ways: Sequence[tuple[Option, tuple[int, ...], float]], arrivals: Arrivals
    ) -> list[tuple[Candidate, float]]:
        """The earliest places of the ways that could have the least sum of finish and extra, in the order of `ways`."""
        found: list[tuple[int, Candidate]] = []
        best, launch, bound = math.inf, self.problem.launch_seconds, arrivals.earliest
        for number in sorted(range(len(ways)), key=lambda number: ways[number][0].seconds + ways[number][2]):
            option, nodes, extra = ways[number]
            limit = best * (1 + TIE) - option.seconds - launch - extra
            if nodes and limit >= bound:
                candidate = self.first(option, nodes, arrivals, math.nextafter(limit, math.inf))
                found.append((number, candidate))
                if candidate.start < self._horizon:
                    best = min(best, candidate.finish + extra)
        return [(candidate, ways[number][2]) for number, candidate in sorted(found, key=lambda one: one[0])]

    def usable(self, name: str, found: Iterable[Candidate]) -> list[Candidate]:
        """Those that start before the horizon, or, where there is none, those that start at all. Raises Unplaceable."""
        offered = list(found)
        soon = [candidate for candidate in offered if candidate.start < self._horizon]
        kept = soon or [candidate for candidate in offered if candidate.start < math.inf]
        if kept:
            return kept
        task = self.problem.graph.tasks[name]
        if not offered:
            raise Unplaceable(name, missing(self.problem.cluster, task))
        devices = " or ".join(sorted({candidate.option.device for candidate in offered}))
        raise Unplaceable(name, f"all nodes that offer {devices} are held until further notice; free one or add one")

    def on(self, option: Option, position: int, arrivals: Arrivals) -> Candidate:
        """The earliest place of a single worker on one node, which has to be one that could run it."""
        seconds = option.seconds + self.problem.launch_seconds
        start = self.timeline.rows[position].earliest(arrivals.at(position), seconds, option.demand)
        return Candidate(option, (position,), start, start + seconds)

    def gang(self, option: Option, positions: Sequence[int], arrivals: Arrivals) -> Candidate:
        """The earliest place of all workers at once, on few nodes; the first of `positions` come first."""
        seconds = option.seconds + self.problem.launch_seconds
        ready = {position: arrivals.at(position) for position in positions}
        start, places = self.timeline.together(positions, ready, seconds, option.demand, option.workers)
        return Candidate(option, places, start, start + seconds)

    def first(self, option: Option, positions: Sequence[int], arrivals: Arrivals, limit: float = math.inf) -> Candidate:
        """The earliest place of an option on one of the nodes; one at or after `limit` may be told as infinity."""
        if self._drawn is not None:
            positions = sorted(positions, key=self.turn)
        if option.workers > 1:
            return self.gang(option, positions, arrivals)
        seconds = option.seconds + self.problem.launch_seconds
        start, place = self._first(positions, option.demand, seconds, arrivals, limit)
        return Candidate(option, (place,), start, start + seconds)

    def _first(
        self, positions: Sequence[int], demand: Demand, seconds: float, arrivals: Arrivals, limit: float
    ) -> tuple[float, int]:
        """The earliest start and its node; the first node in order among equals."""
        best, place, bound = limit, -1, arrivals.earliest
        here, anywhere, rows = arrivals.here, arrivals.anywhere, self.timeline.rows
        alike: set[object] = set()
        gap, free = self._openings.of(demand)
        for position in positions:
            ready = here.get(position, anywhere)
            if ready >= best or (free[position] >= best and ready + seconds > gap[position]):
                continue
            row = rows[position]
            if len(row.times) == 1 and position not in here:
                if row.free[0] in alike:
                    continue
                alike.add(row.free[0])
            start = row.earliest(ready, seconds, demand, best)
            if start < best:
                best, place = start, position
                if start <= bound:
                    break
        return (best, place) if place >= 0 else (math.inf, positions[0])

    def place(self, name: str, candidate: Candidate) -> None:
        """Commit a task to its place."""
        self.take(candidate)
        for place in candidate.places:
            self.served[place] = len(self.placed) + 1
        self._deliver(name, candidate.finish, frozenset(candidate.places))
        now = self.problem.now
        self.placed[name] = Assignment(
            name,
            candidate.option,
            tuple(self.nodes[place].name for place in candidate.places),
            now + candidate.start,
            now + candidate.finish,
        )

    def take(self, candidate: Candidate) -> None:
        """Hold a place on the timelines, for a trial that `restore` ends."""
        for place in candidate.places:
            self.timeline.take(place, candidate.start, candidate.finish, candidate.option.demand)
            self._openings.renew(place, self.timeline.rows[place])

    def schedule(self, ranks: Mapping[str, float]) -> Schedule:
        """What has been placed, in the order in which it was."""
        return Schedule(dict(self.placed), dict(ranks))

    def restore(self, rows: Mapping[int, NodeTimeline]) -> None:
        """Put back copies of timelines that were made before a trial."""
        for place, row in rows.items():
            self.timeline.rows[place] = row
            self._openings.renew(place, row)
